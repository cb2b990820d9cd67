"""The request of a chat completion: what is understood, what is refused.

Two things OpenAI does not have: `repeat_penalty`, and a trailing assistant message that is continued; the
answer is then only what follows it.

Where a request says nothing, temperature is 0.8 and top_p 0.95. In any case only those of the 40 likeliest
tokens are drawn that have 5 % of the likeliest one's probability: small models need that.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from engine.limits import CONTEXT, SLOTS
from engine.messages import Message

_SEEDS = 2**32 - 1  # llama.cpp takes the number 2**32 - 1 itself as "draw one"


class StreamOptions(BaseModel):
    """What a stream brings besides the text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; what is not here is refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
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
    """Accepted so that one client can talk to all servers; these models do not reason."""

    @field_validator("messages")
    @classmethod
    def _something_to_continue(cls, messages: list[Message]) -> list[Message]:
        # llama.cpp would leave out the opening of the answer's turn, too
        if messages[-1].role == "assistant" and not messages[-1].content:
            raise ValueError("the assistant message at the end is continued, so it cannot be empty")
        return messages

    @field_validator("stream_options")
    @classmethod
    def _only_when_streaming(
        cls, options: StreamOptions | None, others: ValidationInfo
    ) -> StreamOptions | None:
        if options is not None and not others.data.get("stream"):
            raise PydanticCustomError(
                "only_when_streaming",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            )
        return options

    @field_validator("max_tokens")
    @classmethod
    def _one_limit(cls, limit: int | None, others: ValidationInfo) -> int | None:
        if limit is not None and others.data.get("max_completion_tokens") is not None:
            raise PydanticCustomError(
                "invalid_parameter_combination",
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            )
        return limit

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return self.n or 1

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the tokens it took."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def for_llama(self, choice: int = 0) -> dict[str, Any]:
        """Return what llama.cpp is asked for one choice, with every default of sampling spelt out.

        Each choice draws by a seed of its own, counted up from the request's.
        """
        asked = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": None if self.seed is None else (self.seed + choice) % _SEEDS,
            "stop": self.stop,
            # never more than there is room for: llama.cpp would wrap a number beyond 32 bits around
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
            **{name: value for name, value in asked.items() if value is not None},
        }
