"""Part: a frozen piece of data/heroes.toml that refuses keys it does not know."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
