"""The request of a chat completion: its fields, their validation and their defaults.

It adds two things to OpenAI's API (https://platform.openai.com/docs/api-reference/chat/create):
`repeat_penalty`, and a trailing assistant message, which the completion continues.

The default temperature is 0.8, the default top_p 0.95. Small models also need a top_k of 40 and a min_p of
0.05, which a request cannot change.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from engine.limits import CONTEXT, MAX_CHARACTERS, SLOTS
from engine.messages import Message

_SEEDS = 2**32 - 1  # for llama.cpp the number 2**32 - 1 itself means a random seed


class StreamOptions(BaseModel):
    """Options of a streamed response."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; unknown fields are rejected by name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    # each message takes a token at least; before this check a chat template rendered 60,000 in 20 s
    messages: Annotated[list[Message], Field(min_length=1, max_length=CONTEXT)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=0, lt=_SEEDS)] = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1)]] | None, Field(max_length=4), BeforeValidator(_as_list)
    ] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    n: Annotated[int | None, Field(ge=1, le=SLOTS)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    repeat_penalty: Annotated[float | None, Field(gt=0, le=2)] = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    """Accepted and ignored, so that clients can send it to every server; these models do not reason."""

    @field_validator("messages")
    @classmethod
    def _last_message_has_content(cls, messages: list[Message]) -> list[Message]:
        # llama.cpp would also leave out the start of the assistant's turn
        if messages[-1].role == "assistant" and not messages[-1].content:
            raise ValueError("the assistant message at the end is continued, so it cannot be empty")
        return messages

    @field_validator("messages")
    @classmethod
    def _may_fit_into_the_context(cls, messages: list[Message]) -> list[Message]:
        characters = sum(len(message.content) for message in messages)
        if characters > MAX_CHARACTERS:
            raise ValueError(
                f"they have {characters} characters; prompt and answer together have {CONTEXT} tokens"
            )
        return messages

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

    @property
    def choices(self) -> int:
        """Number of choices to generate."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk that holds the token usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def for_generator(self, choice: int = 0) -> dict[str, Any]:
        """Return the request for one choice in llama.cpp's format, with every sampling default set.

        Each choice has a seed of its own: the request's seed plus the choice's index.
        """
        settings = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": None if self.seed is None else (self.seed + choice) % _SEEDS,
            "stop": self.stop,
            # bounded: llama.cpp wraps numbers beyond 32 bits around
            "max_tokens": min(self.max_completion_tokens or self.max_tokens or CONTEXT, CONTEXT),
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repeat_penalty": self.repeat_penalty,
        }
        return {
            "messages": [message.model_dump() for message in self.messages],
            "temperature": 0.8,
            "top_p": 0.95,
            "top_k": 40,
            "min_p": 0.05,
            **{name: value for name, value in settings.items() if value is not None},
        }
