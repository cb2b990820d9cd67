"""Chat completions in the making: the choices of one request, put into OpenAI's shape."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from engine.errors import ApiError
from engine.inference.chat_request import ChatRequest
from engine.inference.model_cache import AnyGenerator
from engine.inference.slots import Places
from engine.limits import CONTEXT
from engine.storage import atomic


class Answer:
    """One answer: an id, a time, and its choices' pieces as they come."""

    def __init__(
        self, request: ChatRequest, places: Places, generator: Callable[[], Awaitable[AnyGenerator]]
    ) -> None:
        """Prepare; nothing is generated before the first piece is asked for.

        `generator` is called whenever a choice has its slot: a model may come and go while a choice waits.
        """
        self._request = request
        self._places = places
        self._generator = generator
        self._head = {"id": atomic.new_id("chatcmpl"), "created": int(time.time()), "model": request.model}
        self._started = time.monotonic()
        self.first_token_seconds: float | None = None
        self.prompt_tokens = 0
        self.completion_tokens = 0

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._request.model

    @property
    def seconds(self) -> float:
        """How long ago it was asked for."""
        return time.monotonic() - self._started

    @property
    def usage(self) -> dict[str, int]:
        """OpenAI's usage: the prompt counts once, however many choices read it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }

    async def whole(self) -> dict[str, Any]:
        """Return OpenAI's `chat.completion`. Raises ApiError."""
        texts = [""] * self._request.choices
        reasons: list[str | None] = [None] * self._request.choices
        async with aclosing(self._pieces()) as pieces:
            async for index, piece in pieces:
                texts[index] += piece["delta"].get("content") or ""
                reasons[index] = piece["finish_reason"] or reasons[index]
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": reason,
                "logprobs": None,
            }
            for index, (text, reason) in enumerate(zip(texts, reasons, strict=True))
        ]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage}

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield server-sent `chat.completion.chunk`s.

        Raises ApiError, and before the first for what is wrong with the request.
        """
        async with aclosing(self._pieces()) as pieces:
            async for index, piece in pieces:
                choice = {
                    "index": index,
                    "delta": _delta(piece["delta"]),
                    "finish_reason": piece["finish_reason"],
                    "logprobs": None,
                }
                yield self._chunk([choice], None)
        if self._request.with_usage:
            yield self._chunk([], self.usage)
        yield b"data: [DONE]\n\n"

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None) -> bytes:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        return event(chunk | {"usage": usage} if self._request.with_usage else chunk)

    async def _pieces(self) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """Yield the choices' pieces with their index as they come; what ends one choice badly ends all."""
        queue: asyncio.Queue[tuple[int, dict[str, Any]] | asyncio.Task[None]] = asyncio.Queue()
        tasks = [asyncio.create_task(self._make(index, queue)) for index in range(self._request.choices)]
        for task in tasks:
            task.add_done_callback(queue.put_nowait)
        left = len(tasks)
        try:
            while left:
                got = await queue.get()
                if isinstance(got, asyncio.Task):
                    got.result()
                    left -= 1
                else:
                    yield got
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, index: int, queue: asyncio.Queue[Any]) -> None:
        async with self._places.slot():
            generator = await self._generator()
            async with aclosing(generator.chunks(self._request.for_llama(index))) as chunks:
                async for chunk in chunks:
                    if "error" in chunk:
                        raise _refusal(chunk["error"])
                    self._count(chunk)
                    for piece in chunk["choices"]:
                        queue.put_nowait((index, piece))

    def _count(self, chunk: dict[str, Any]) -> None:
        if self.first_token_seconds is None and any(
            piece["delta"].get("content") for piece in chunk["choices"]
        ):
            self.first_token_seconds = self.seconds
        if usage := chunk.get("usage"):
            self.prompt_tokens = usage["prompt_tokens"]
            self.completion_tokens += usage["completion_tokens"]


def event(data: dict[str, Any]) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


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
