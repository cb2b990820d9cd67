"""Streamed answers of the scripted server, word by word, and their failures."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class ScriptedStream:
    """How the next streams behave."""

    word_delay: float = 0.0  # seconds before each word
    silent_after: int | None = None  # words after which the stream is silent, until a test sets `resumed`
    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    error_after: int | None = None  # words after which the next stream ends in an error
    pieces: list[bytes] = field(default_factory=list)  # sent as they are, in place of each answer
    media_type: str = "text/event-stream"
    left: int = 0  # streams that the client ended

    async def send(
        self, request: web.Request, headers: dict[str, str], completion: dict[str, Any], *, cut: bool
    ) -> web.StreamResponse:
        """Send a completion as a stream; if cut, close the connection half-way."""
        response = web.StreamResponse(headers={**headers, "Content-Type": self.media_type})
        await response.prepare(request)
        try:
            for piece in self.pieces:
                await response.write(piece)
                await asyncio.sleep(self.word_delay)
            if not self.pieces:
                await self._send(request, response, completion, cut=cut)
        except ConnectionError:
            self.left += 1
            raise
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, completion: dict[str, Any], *, cut: bool
    ) -> None:
        body = await request.json()
        (choice,) = completion["choices"]
        head = {name: completion[name] for name in ("id", "created", "model")}
        head["object"] = "chat.completion.chunk"

        async def send_chunk(content: str, reason: str | None = None) -> None:
            piece = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
            await response.write(_event({**head, "choices": [piece]}))

        words = re.findall(r"\S+\s*|\s+", choice["message"]["content"])
        for number, word in enumerate(words):
            if number == self.silent_after:
                await self.resumed.wait()
            if number == self.error_after:
                self.error_after = None
                await response.write(_event({"error": {"message": "secret detail"}}))
                return
            if cut and number == len(words) // 2:
                assert request.transport
                request.transport.close()
                return
            await asyncio.sleep(self.word_delay)
            await send_chunk(word)
        await send_chunk("", choice["finish_reason"] or None)
        if body.get("stream_options"):
            await response.write(_event({**head, "choices": [], "usage": completion["usage"]}))
        await response.write(b"data: [DONE]\n\n")


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
