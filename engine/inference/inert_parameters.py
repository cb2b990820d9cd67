"""Parameters of OpenAI's API that change nothing here, and how requests treat fields that ask for nothing.

Clients send many fields always, as null, empty or with their default value.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from engine.openai_object import OpenAIObject


def _must_be_empty(reason: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if value:
            raise ValueError(reason)
        return value

    return AfterValidator(check)


class InertParameters(OpenAIObject):
    """They label a request for OpenAI's own services, or ask for what always happens."""

    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    store: Annotated[bool | None, _must_be_empty("completions are not stored, so it can only be false")] = (
        None
    )
    metadata: Annotated[
        dict[str, str] | None, _must_be_empty("completions are not stored, so it can only be empty")
    ] = None
    service_tier: Literal["auto", "default"] | None = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: Annotated[
        dict[str, float] | None, _must_be_empty("it is not supported, so it can only be empty")
    ] = None
    functions: Annotated[list[Any] | None, _must_be_empty("use 'tools'")] = None
    function_call: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
