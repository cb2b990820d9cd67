"""The base classes of what clients send: objects of OpenAI's API, with the fields that their clients add."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


def is_empty(value: Any) -> bool:
    """Return whether a value is null, empty, or an object of nothing else."""
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return value is None or value in ("", [])


class OpenAIObject(BaseModel):
    """An object of a request; unknown fields are rejected by name unless they are null."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @staticmethod
    def _asks_for_nothing(value: Any) -> bool:
        return value is None

    @model_validator(mode="before")
    @classmethod
    def _drop_unknown_fields_that_ask_for_nothing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {
            name: value for name, value in data.items() if name in known or not cls._asks_for_nothing(value)
        }


class HandedBack(OpenAIObject):
    """An object that clients hand back as they got it; unknown fields may also be empty."""

    @staticmethod
    def _asks_for_nothing(value: Any) -> bool:
        return is_empty(value)
