"""The response of the Responses API: one text, complete or as OpenAI's typed events."""

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from itertools import count
from typing import Any

from engine.errors import ApiError, renamed_params
from engine.ids import new_id
from engine.inference.completion import ChatCompletion
from engine.inference.generator import Generator
from engine.inference.recent_messages import RecentMessages
from engine.inference.response_request import ResponseRequest
from engine.inference.slots import Reservation


class Response:
    """One response, with one message."""

    def __init__(
        self,
        recent: RecentMessages,
        request: ResponseRequest,
        reservation: Reservation,
        generator: Callable[[], Awaitable[Generator]],
    ) -> None:
        """Prepare; `response` or `events` starts the generation. `recent` gets the message."""
        self._recent = recent
        self._request = request
        self._chat = ChatCompletion(request.chat, reservation, generator)
        self._id, self._message_id = new_id("resp"), new_id("msg")
        self._created_at = int(time.time())
        self._numbers = count()

    @property
    def chats(self) -> list[ChatCompletion]:
        """The chat completions that the response is made of."""
        return [self._chat]

    async def response(self) -> dict[str, Any]:
        """Generate the text and return OpenAI's `response`. Raises ApiError."""
        with renamed_params(self._request.rename):
            completion = await self._chat.response()
        (choice,) = completion["choices"]
        return self._ended(choice["message"]["content"], choice["finish_reason"])

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield OpenAI's events, from `response.created` to `response.completed` or `.incomplete`.

        Raises ApiError; for an invalid request, before the first event.
        """
        text, finish_reason, started = "", None, False
        with renamed_params(self._request.rename):
            async with aclosing(self._chat.chunks()) as chunks:
                async for chunk in chunks:
                    if not started:  # only now: the request was valid
                        started = True
                        for data in self._first_events():
                            yield data
                    for choice in chunk["choices"]:
                        finish_reason = choice["finish_reason"] or finish_reason
                        if delta := choice["delta"].get("content"):
                            text += delta
                            yield self._part_event("output_text.delta", delta=delta, logprobs=[])
        for data in self._last_events(text, finish_reason):
            yield data

    def error_event(self, error: ApiError) -> bytes:
        """Return the event that ends a stream in an error."""
        return self._event("error", code=error.code, message=error.message, param=error.param)

    def _first_events(self) -> list[bytes]:
        response = self._object("in_progress", [])
        return [
            self._event("response.created", response=response),
            self._event("response.in_progress", response=response),
            self._item_event("added", self._message("in_progress", [])),
            self._part_event("content_part.added", part=_text_part("")),
        ]

    def _last_events(self, text: str, finish_reason: str | None) -> list[bytes]:
        response = self._ended(text, finish_reason)
        return [
            self._part_event("output_text.done", text=text, logprobs=[]),
            self._part_event("content_part.done", part=_text_part(text)),
            self._item_event("done", response["output"][0]),
            self._event(f"response.{response['status']}", response=response),
        ]

    def _item_event(self, what: str, item: dict[str, Any]) -> bytes:
        return self._event(f"response.output_item.{what}", output_index=0, item=item)

    def _part_event(self, what: str, **fields: Any) -> bytes:
        place = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        return self._event(f"response.{what}", **place, **fields)

    def _event(self, name: str, **fields: Any) -> bytes:
        data = {"type": name, "sequence_number": next(self._numbers), **fields}
        return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    def _ended(self, text: str, finish_reason: str | None) -> dict[str, Any]:
        status = "incomplete" if finish_reason == "length" else "completed"
        usage = self._chat.usage
        if self._request.store is None:
            self._recent.add(self._message_id, text)
        return self._object(status, [self._message(status, [_text_part(text)])]) | {
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "completed_at": int(time.time()),
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage["total_tokens"],
            },
        }

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._message_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _object(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        request, sampling = self._request, self._request.chat.for_generator()
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "max_tool_calls": None,
            "metadata": request.metadata or {},
            "model": request.model,
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "flex" if request.service_tier == "flex" else "default",
            "store": False,
            "temperature": sampling["temperature"],
            "text": {"format": request.format},
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": sampling["top_p"],
            "truncation": "disabled",
            "usage": None,
            "user": request.user,
        }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
