"""Chat completions: generate the choices of one request, streamed or complete, in OpenAI's format."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from engine.errors import ApiError
from engine.ids import new_id
from engine.inference.chat_request import ChatRequest
from engine.inference.choice import ChoiceDeltas, WholeChoice
from engine.inference.chunks import has_words
from engine.inference.generator import Generator
from engine.inference.slots import Reservation
from engine.limits import CONTEXT

DONE = b"data: [DONE]\n\n"
"""The event that ends a stream of chunks."""


class ChatCompletion:
    """One response: its id, its choices and its token usage."""

    def __init__(
        self, request: ChatRequest, reservation: Reservation, generator: Callable[[], Awaitable[Generator]]
    ) -> None:
        """Prepare; `response` or `events` starts the generation.

        `generator` is called when a choice has its slot: its model may be evicted or deleted while it waits.
        """
        self._request = request
        self._reservation = reservation
        self._generator = generator
        self._head = {
            "id": new_id("chatcmpl"),
            "created": int(time.time()),
            "model": request.model,
            "service_tier": "flex" if request.service_tier == "flex" else "default",
        }
        self._started = time.monotonic()
        self.first_token_seconds: float | None = None
        self.prompt_tokens = 0
        self.completion_tokens = 0

    @property
    def chats(self) -> list["ChatCompletion"]:
        """Itself: the chat completions that the response is made of."""
        return [self]

    @property
    def model(self) -> str:
        """The name of the model."""
        return self._request.model

    @property
    def seconds(self) -> float:
        """Time since the request, in seconds."""
        return time.monotonic() - self._started

    @property
    def usage(self) -> dict[str, int]:
        """OpenAI's usage object; the prompt counts once for all choices."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }

    async def response(self) -> dict[str, Any]:
        """Generate all choices and return OpenAI's `chat.completion`. Raises ApiError."""
        choices = [WholeChoice(index) for index in range(self._request.choices)]
        async with aclosing(self._deltas()) as deltas:
            async for index, choice in deltas:
                choices[index].add(choice)
        whole = [choice.as_choice() for choice in choices]
        return {**self._head, "object": "chat.completion", "choices": whole, "usage": self.usage}

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield the chunks as server-sent events.

        Raises ApiError; for an invalid request, before the first event.
        """
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                yield event(chunk)
        yield DONE

    def error_event(self, error: ApiError) -> bytes:
        """Return the event that ends a stream in an error."""
        return event(error.body())

    async def chunks(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield OpenAI's `chat.completion.chunk`s. Raises ApiError."""
        async with aclosing(self._deltas()) as deltas:
            async for index, choice in deltas:
                shown = {
                    "index": index,
                    "delta": _without_null(choice["delta"]),
                    "finish_reason": choice["finish_reason"],
                    "logprobs": choice["logprobs"],
                }
                yield self._chunk([shown], None)
        if self._request.include_usage:
            yield self._chunk([], self.usage)

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None) -> dict[str, Any]:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        return chunk | {"usage": usage} if self._request.include_usage else chunk

    async def _deltas(self) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """Yield the deltas of all choices with their index as they come; an error in one ends all."""
        if self._request.grammar or self._request.may_call:
            await asyncio.to_thread(self._request.check_schemas)
        queue: asyncio.Queue[tuple[int, dict[str, Any]] | asyncio.Task[None]] = asyncio.Queue()
        tasks = [asyncio.create_task(self._generate(index, queue)) for index in range(self._request.choices)]
        for task in tasks:
            task.add_done_callback(queue.put_nowait)
        left = len(tasks)
        try:
            while left:
                item = await queue.get()
                if isinstance(item, asyncio.Task):
                    item.result()
                    left -= 1
                else:
                    yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _generate(self, index: int, queue: asyncio.Queue[Any]) -> None:
        async with self._reservation.slot():
            generator = await self._generator()
            request = self._request.for_generator(index, knows_tools=generator.knows_tools)
            deltas = ChoiceDeltas(self._request)
            async with aclosing(generator.chunks(request)) as chunks:
                async for chunk in chunks:
                    if "error" in chunk:
                        raise _api_error(chunk["error"])
                    self._count(chunk)
                    for choice in chunk["choices"]:
                        for delta in deltas.convert(choice):
                            queue.put_nowait((index, delta))

    def _count(self, chunk: dict[str, Any]) -> None:
        if self.first_token_seconds is None and has_words(chunk):
            self.first_token_seconds = self.seconds
        if usage := chunk.get("usage"):
            self.prompt_tokens = usage["prompt_tokens"]
            self.completion_tokens += usage["completion_tokens"]


def event(data: dict[str, Any]) -> bytes:
    """Encode one server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def _without_null(delta: dict[str, Any]) -> dict[str, Any]:
    # llama.cpp starts with a null content, which some clients would print
    return {**delta, "content": ""} if "role" in delta else delta


def _api_error(error: dict[str, Any]) -> ApiError:
    if error.get("type") == "exceed_context_size_error":
        message = (
            f"The messages have {error['n_prompt_tokens']} tokens; prompt and answer together have {CONTEXT}."
        )
        return ApiError(400, message, code="context_length_exceeded", param="messages")
    if error.get("code") == 400:
        return ApiError(400, error["message"], code="invalid_value", param=error.get("param"))
    return ApiError(500, "The model could not answer.", code="generation_failed")
