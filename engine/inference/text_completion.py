"""The older completions API: a prompt is a chat of one user message, in the model's chat template.

https://platform.openai.com/docs/api-reference/completions

A model that was tuned on chats has read the template's words around each prompt, and answers as tuned only if
it reads them again. The chat request also validates every setting that the two APIs share.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine import request_body
from engine.concurrency import run_all
from engine.errors import ApiError, renamed_params
from engine.ids import new_id
from engine.inference.chat_request import ChatRequest, ServiceTier
from engine.inference.completion import DONE, ChatCompletion, event
from engine.inference.generator import Generator
from engine.inference.slots import Reservation
from engine.inference.unsupported import unsupported
from engine.limits import MAX_WAITING

_CHAT_FIELDS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "max_tokens",
        "min_p",
        "model",
        "n",
        "presence_penalty",
        "repeat_penalty",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "user",
    }
)


def _as_texts(value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and any(isinstance(item, (int, list)) for item in items):
        raise ValueError("tokens are not supported, because they are another model's: give texts")
    return items


def _no_logprobs(value: Any) -> Any:
    if value is not None and value is not False:  # 0 asks for those of the chosen tokens
        raise ValueError("log probabilities are not supported")


class _Body(BaseModel):
    """The fields that a chat request does not have; every other one belongs to it."""

    model_config = ConfigDict(extra="allow", strict=True)

    prompt: Annotated[list[str], Field(min_length=1), BeforeValidator(_as_texts)]
    best_of: Annotated[int | None, Field(ge=1)] = None
    echo: Annotated[Any, unsupported("the prompt is not repeated: put it before the text yourself")] = None
    logprobs: Annotated[None, BeforeValidator(_no_logprobs)] = None
    suffix: Annotated[
        Any, unsupported("chat models only write forwards: no text can be inserted before a suffix")
    ] = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """The body of `POST /v1/completions`, as one chat request for each prompt."""

    chats: tuple[ChatRequest, ...]

    @classmethod
    def parse(cls, body: bytes) -> "CompletionRequest":
        """Read a body. Raises ApiError or ValidationError."""
        fields = request_body.parse(_Body, body)
        settings = fields.model_extra or {}
        for name in settings.keys() - _CHAT_FIELDS:
            raise ApiError(400, f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        with renamed_params(as_prompt):
            chats = [
                ChatRequest.model_validate({**settings, "messages": [{"role": "user", "content": prompt}]})
                for prompt in fields.prompt
            ]
        request = cls(tuple(chats))
        request._check_choices(fields.best_of)
        return request

    def _check_choices(self, best_of: int | None) -> None:
        if best_of is not None and best_of != self.chats[0].choices:
            message = "Only 'n' completions are made of each prompt: leave 'best_of' out, or equal to 'n'."
            raise ApiError(400, message, code="invalid_value", param="best_of")
        if self.choices > MAX_WAITING:  # more would never fit into the queue
            message = f"These are {self.choices} completions; one request may ask for {MAX_WAITING}."
            raise ApiError(400, message, code="invalid_value", param="prompt")

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.chats[0].model

    @property
    def stream(self) -> bool | None:
        """Whether the response is streamed."""
        return self.chats[0].stream

    @property
    def service_tier(self) -> ServiceTier | None:
        """None: this API has no tiers."""
        return None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk that holds the token usage."""
        return self.chats[0].include_usage

    @property
    def choices(self) -> int:
        """Number of completions to generate, over all prompts."""
        return sum(chat.choices for chat in self.chats)


def as_prompt(param: str) -> str:
    """Return what a field of the chat request is called here."""
    return "prompt" if param.startswith("messages") else param


class TextCompletion:
    """One response: the completions of every prompt, in OpenAI's older format."""

    def __init__(
        self,
        request: CompletionRequest,
        reservation: Reservation,
        generator: Callable[[], Awaitable[Generator]],
    ) -> None:
        """Prepare; `response` or `events` starts the generation."""
        self._request = request
        self._head = {
            "id": new_id("cmpl"),
            "object": "text_completion",
            "created": int(time.time()),
            "model": request.model,
        }
        self.chats = [ChatCompletion(chat, reservation, generator) for chat in request.chats]
        """One for each prompt."""

    async def response(self) -> dict[str, Any]:
        """Generate all choices and return OpenAI's `text_completion`. Raises ApiError."""
        with renamed_params(as_prompt):
            answers = await run_all(chat.response() for chat in self.chats)
        choices = [choice for answer in answers for choice in answer["choices"]]
        return {
            **self._head,
            "choices": [
                _choice(index, choice["message"]["content"], choice["finish_reason"])
                for index, choice in enumerate(choices)
            ],
            "usage": self._usage,
        }

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield the completions' parts as server-sent events, prompt after prompt.

        Raises ApiError; for an invalid request, before the first event.
        """
        for number, chat in enumerate(self.chats):
            first_index = number * self._request.chats[0].choices
            with renamed_params(as_prompt):
                async with aclosing(chat.chunks()) as chunks:
                    async for chunk in chunks:
                        for part in self._parts(first_index, chunk):
                            yield event(part)
        if self._request.include_usage:
            yield event({**self._head, "choices": [], "usage": self._usage})
        yield DONE

    def _parts(self, first_index: int, chunk: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what a chat's chunk adds; its first one only names a role."""
        usage = {"usage": None} if self._request.include_usage else {}
        for choice in chunk["choices"]:
            text, finish_reason = choice["delta"].get("content"), choice["finish_reason"]
            if text or finish_reason:
                choices = [_choice(first_index + choice["index"], text, finish_reason)]
                yield {**self._head, "choices": choices, **usage}

    def error_event(self, error: ApiError) -> bytes:
        """Return the event that ends a stream in an error."""
        return event(error.body())

    @property
    def _usage(self) -> dict[str, int]:
        return {name: sum(chat.usage[name] for chat in self.chats) for name in self.chats[0].usage}


def _choice(index: int, text: str | None, finish_reason: str | None) -> dict[str, Any]:
    return {"text": text or "", "index": index, "logprobs": None, "finish_reason": finish_reason}
