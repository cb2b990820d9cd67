"""Parameters of OpenAI's API that change nothing here: a value that asks for nothing is accepted.

Clients send many fields always, as null, empty or with their default value.
"""

from typing import Annotated, Any, Literal

from engine.inference.unsupported import unsupported
from engine.openai_object import OpenAIObject


class InertParameters(OpenAIObject):
    """They label a request for OpenAI's own services, or ask for what always happens."""

    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    store: Annotated[bool | None, unsupported("completions are not stored, so it can only be false")] = None
    metadata: Annotated[
        dict[str, str] | None, unsupported("completions are not stored, so it can only be empty")
    ] = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: Annotated[
        dict[str, float] | None, unsupported("it is not supported, so it can only be empty")
    ] = None
    functions: Annotated[list[Any] | None, unsupported("use 'tools'")] = None
    function_call: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
