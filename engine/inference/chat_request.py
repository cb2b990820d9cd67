"""The request of a chat completion: its fields, their validation and their defaults.

It adds three things to OpenAI's API (https://platform.openai.com/docs/api-reference/chat/create):
`repeat_penalty`, `min_p`, and a trailing assistant message, which the completion continues.

The default temperature is 0.8, the default top_p 0.95, the default min_p 0.05. Small models also need a top_k
of 40, which a request cannot change.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from engine.errors import ApiError
from engine.inference.chat_messages import Messages
from engine.inference.inert_parameters import InertParameters
from engine.inference.structured_output import Grammar, ResponseFormat
from engine.inference.tools import MAX_TOOLS, FunctionDefinition, Tool, ToolChoice
from engine.limits import CONTEXT, SLOTS
from engine.openai_object import OpenAIObject

_SEEDS = 2**32 - 1  # for llama.cpp the number 2**32 - 1 itself means a random seed
_INT64 = 2**63


class StreamOptions(OpenAIObject):
    """Options of a streamed response; there is nothing to obfuscate."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ServiceTier = Literal["auto", "default", "flex"]
"""As in OpenAI's API: "flex" gives way to all other requests."""


class ChatRequest(InertParameters):
    """The body of `POST /v1/chat/completions`; unknown fields are rejected by name."""

    model: str
    messages: Messages
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=-_INT64, lt=_INT64)] = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1)]] | None, Field(max_length=4), BeforeValidator(_as_list)
    ] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    n: Annotated[int | None, Field(ge=1, le=SLOTS)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    repeat_penalty: Annotated[float | None, Field(gt=0, le=2)] = None
    min_p: Annotated[float | None, Field(ge=0, le=1)] = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool] | None, Field(max_length=MAX_TOOLS)] = None
    tool_choice: ToolChoice | None = None
    service_tier: ServiceTier | None = None

    @field_validator("stream_options")
    @classmethod
    def _stream_options_need_stream(
        cls, options: StreamOptions | None, info: ValidationInfo
    ) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise PydanticCustomError(
                "only_when_streaming",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            )
        return options

    @field_validator("max_tokens")
    @classmethod
    def _only_one_limit(cls, limit: int | None, info: ValidationInfo) -> int | None:
        if limit is not None and info.data.get("max_completion_tokens") is not None:
            raise PydanticCustomError(
                "invalid_parameter_combination",
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            )
        return limit

    @field_validator("top_logprobs")
    @classmethod
    def _top_logprobs_need_logprobs(cls, number: int | None, info: ValidationInfo) -> int | None:
        if number and not info.data.get("logprobs"):
            raise ValueError("it needs 'logprobs'")
        return number

    @field_validator("tool_choice")
    @classmethod
    def _choice_among_tools(cls, choice: ToolChoice | None, info: ValidationInfo) -> ToolChoice | None:
        names = [tool.function.name for tool in info.data.get("tools") or []]
        if choice and choice.mode == "required" and not names:
            raise ValueError("a call needs 'tools'")
        if choice and choice.name and choice.name not in names:
            raise ValueError(f"'{choice.name}' is not among 'tools'")
        return choice

    @property
    def choices(self) -> int:
        """Number of choices to generate."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk that holds the token usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def forces_call(self) -> bool:
        """Whether the answer has to be a tool call."""
        return bool(self.tool_choice and self.tool_choice.mode == "required")

    @property
    def may_call(self) -> bool:
        """Whether the model decides between a tool call and a text."""
        return bool(self.tools) and (self.tool_choice is None or self.tool_choice.mode == "auto")

    @cached_property
    def grammar(self) -> Grammar | None:
        """What the text of the answer must follow."""
        if self.forces_call:
            return Grammar.of_call(self._callable_functions)
        if self.response_format and self.response_format.type != "text":
            return Grammar.of_format(self.response_format)
        return None

    def check_schemas(self) -> None:
        """Raise a 400 with the reason if a schema cannot be followed. Computes for up to half a second."""
        if self.grammar:
            self.grammar.check()
        elif self.may_call:
            Grammar.of_call(self._callable_functions).check()

    @property
    def _callable_functions(self) -> list[FunctionDefinition]:
        chosen = self.tool_choice.name if self.tool_choice else None
        return [tool.function for tool in self.tools or [] if chosen in {None, tool.function.name}]

    def for_generator(self, choice: int = 0, *, knows_tools: bool = False) -> dict[str, Any]:
        """Return the request for one choice in llama.cpp's format, with every sampling default set.

        Each choice has a seed of its own: the request's seed plus the choice's index. `knows_tools` tells
        whether the model's chat template does. Raises a 400 if the model cannot do what is asked.
        """
        settings = {
            "temperature": 0 if self.top_p == 0 else self.temperature,
            "top_p": self.top_p or None,
            "seed": None if self.seed is None else (self.seed + choice) % _SEEDS,
            "stop": self.stop,
            # bounded: llama.cpp wraps numbers beyond 32 bits around
            "max_tokens": min(self.max_completion_tokens or self.max_tokens or CONTEXT, CONTEXT),
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repeat_penalty": self.repeat_penalty,
            "min_p": self.min_p,
            "logprobs": self.logprobs or None,
            "top_logprobs": self.top_logprobs or None,
            "grammar": self.grammar and self.grammar.text,
        }
        return {
            "messages": [message.for_template(knows_tools=knows_tools) for message in self.messages],
            "temperature": 0.8,
            "top_p": 0.95,
            "top_k": 40,
            "min_p": 0.05,
            **{name: value for name, value in settings.items() if value is not None},
            **self._tools_for_generator(knows_tools=knows_tools),
        }

    def _tools_for_generator(self, *, knows_tools: bool) -> dict[str, Any]:
        """Return what the chat template shows of the tools, and whether llama.cpp looks for calls."""
        if not self.may_call and not (self.forces_call and knows_tools):
            return {}
        if not knows_tools:
            raise ApiError(
                400,
                "This model's chat template does not know tools, so the model cannot decide whether to call"
                " one: set 'tool_choice' to 'required' or to a function, which every model can follow.",
                code="unsupported_value",
                param="tools",
            )
        if self.may_call and self.grammar:
            raise ApiError(
                400,
                "An answer that may be a tool call cannot have a 'response_format': set 'tool_choice' to"
                " 'none' or 'required'.",
                code="invalid_parameter_combination",
                param="response_format",
            )
        tools = [tool.model_dump(exclude_none=True) for tool in self.tools or []]
        # a forced call follows our own grammar, for which llama.cpp must not look for calls itself
        return {"tools": tools, "tool_choice": "auto" if self.may_call else "none"}
