"""Parameters of OpenAI's API that change nothing here: accepted if they ask for nothing.

Clients send many of them always, as `null`, empty or with their default value.
"""

from typing import Annotated, Literal

from pydantic import Field

from engine.openai_object import OpenAIObject


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
