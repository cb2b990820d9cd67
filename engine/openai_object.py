"""The base class of what clients send: objects of OpenAI's API, with the fields that their clients add."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


def is_empty(value: Any) -> bool:
    """Return whether a value is null, empty, or an object of nothing else."""
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return value is None or value in ("", [])


class OpenAIObject(BaseModel):
    """An object of OpenAI's API; unknown fields are rejected by name unless they are null or empty.

    Clients hand back whole answers and dumped objects, with every field that they know.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_unknown_fields(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: value for name, value in data.items() if name in known or not is_empty(value)}
