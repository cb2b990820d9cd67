"""The table of good bases."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt

from engine.model_size import ModelSize
from engine.storage import weights
from engine.storage.hub.name import HubName


class KnownBase(BaseModel):
    """A base model of the table, which need not be here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    hub: str | None = None
    """What ENGINE_BASE names; None for the packaged weights."""
    note: str = ""
    architecture: str
    """As GGUF files name it."""
    parameters: PositiveInt
    layers: PositiveInt
    width: PositiveInt
    vocabulary: PositiveInt
    cached_numbers: PositiveInt
    """Keys and values of one token, in all layers."""
    file_bytes: PositiveInt
    licence: str
    licence_url: str
    gated: bool = False

    @property
    def size(self) -> ModelSize:
        """What decides how much memory a training takes."""
        return ModelSize(self.parameters, self.layers, self.width, self.vocabulary)

    @property
    def model(self) -> str:
        """What the engine calls it."""
        if self.hub is None:
            return weights.PACKAGED_ID
        name = HubName.parse(self.hub)
        return weights.hub_id(name) if name else self.hub

    @property
    def is_here(self) -> bool:
        """Whether it needs no download."""
        try:
            weights.find(self.hub, may_download=False)
        except weights.WeightsError:
            return False
        return True


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bases: list[KnownBase]


def read_table(path: Path) -> list[KnownBase]:
    """Return the bases of a TOML file. Raises OSError, or ValueError that says what is wrong in it."""
    return _Table.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).bases
