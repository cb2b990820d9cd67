"""Parameters of OpenAI's API that change nothing here: accepted if they ask for nothing.

Clients send many of them always, as `null`, empty or with their default value.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


def is_empty(value: Any) -> bool:
    """Return whether a value is null, empty, or an object of nothing else."""
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return value is None or value in ("", [])


class OpenAIObject(BaseModel):
    """An object of a request; unknown fields are rejected by name unless they are null or empty.

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


class InertParameters(OpenAIObject):
    """They label a request for OpenAI's own services, or ask for what always happens."""

    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    store: Literal[False] | None = None
    metadata: Annotated[dict[str, str] | None, Field(max_length=0)] = None
    service_tier: Literal["auto", "default"] | None = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: Annotated[dict[str, float] | None, Field(max_length=0)] = None
    parallel_tool_calls: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
