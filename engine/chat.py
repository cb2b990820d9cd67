"""Chat completions: a request checked, answered by a model, put into OpenAI's shape.

Two things OpenAI does not have: `repeat_penalty`, and a trailing assistant message that is continued; the
answer is then only what follows it.

Where a request says nothing, temperature is 0.8 and top_p 0.95. In any case only those of the 40 likeliest
tokens are drawn that have 5 % of the likeliest one's probability: small models need that.
"""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine import disk
from engine.errors import ApiError
from engine.generation import CONTEXT
from engine.messages import Message
from engine.residents import AnyGenerator


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
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**32)] = None
    stop: Annotated[list[str] | None, BeforeValidator(_as_list), Field(max_length=4)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    n: Literal[1] | None = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    repeat_penalty: Annotated[float | None, Field(gt=0, le=2)] = None
    reasoning_effort: str | None = None
    """Accepted so that one client can talk to all servers; these models do not reason."""

    def for_llama(self) -> dict[str, Any]:
        """Return the request as llama.cpp takes it, with every default of sampling spelt out."""
        asked = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": self.stop,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
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


class Answer:
    """One answer in the making: an id, a time, and the pieces as they come."""

    def __init__(self, request: ChatRequest, generator: AnyGenerator) -> None:
        """Prepare; nothing is generated before the first piece is asked for."""
        self._request = request
        self._generator = generator
        self._head = {"id": disk.new_id("chatcmpl"), "created": int(time.time()), "model": request.model}

    async def whole(self) -> dict[str, Any]:
        """Return OpenAI's `chat.completion`. Raises ApiError."""
        text, finish_reason, usage = "", None, None
        async with aclosing(self._pieces()) as pieces:
            async for chunk in pieces:
                usage = chunk.get("usage") or usage
                for choice in chunk["choices"]:
                    text += choice["delta"].get("content") or ""
                    finish_reason = choice["finish_reason"] or finish_reason
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage}

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield server-sent `chat.completion.chunk`s. Raises ApiError, if at all, before the first."""
        with_usage = bool(self._request.stream_options and self._request.stream_options.include_usage)
        async with aclosing(self._pieces()) as pieces:
            async for chunk in pieces:
                if not chunk["choices"] and not with_usage:
                    continue
                shown: dict[str, Any] = {
                    **self._head,
                    "object": "chat.completion.chunk",
                    "choices": [
                        {
                            "index": 0,
                            "delta": _delta(choice["delta"]),
                            "finish_reason": choice["finish_reason"],
                        }
                        for choice in chunk["choices"]
                    ],
                }
                if with_usage:
                    shown["usage"] = chunk.get("usage")
                yield b"data: " + json.dumps(shown, ensure_ascii=False).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"

    async def _pieces(self) -> AsyncGenerator[dict[str, Any]]:
        async with aclosing(self._generator.chunks(self._request.for_llama())) as chunks:
            async for chunk in chunks:
                if "error" in chunk:
                    raise _refusal(chunk["error"])
                yield chunk


def _delta(delta: dict[str, Any]) -> dict[str, Any]:
    # llama.cpp opens with a null content, which some clients would print
    return {**delta, "content": ""} if "role" in delta else delta


def _refusal(error: dict[str, Any]) -> ApiError:
    if error.get("type") == "exceed_context_size_error":
        message = (
            f"The messages have {error['n_prompt_tokens']} tokens; prompt and answer together have {CONTEXT}."
        )
        return ApiError(400, message, code="context_length_exceeded", param="messages")
    if error.get("code") == 400:
        return ApiError(400, error["message"], code="invalid_value")
    return ApiError(500, "The model could not answer.", code="generation_failed")
