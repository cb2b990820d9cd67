"""A model server without a model: it streams the same words at once, by OpenAI's chat API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bench.interactions.text import TEXT


@asynccontextmanager
async def model_server() -> AsyncIterator[str]:
    """Serve on a free port of 127.0.0.1 until the block ends; yield the base URL."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def _chat(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in _EVENTS:  # one write for each event, as a model sends its words
        await response.write(event)
    return response


def _events() -> list[bytes]:
    words = TEXT.split(" ")
    pieces = [_chunk([_choice(word if at == 0 else f" {word}")]) for at, word in enumerate(words)]
    usage = {"prompt_tokens": 20, "completion_tokens": len(words), "total_tokens": 20 + len(words)}
    return [*pieces, _chunk([_choice("", "stop")]), _chunk([], usage=usage), b"data: [DONE]\n\n"]


def _choice(content: str, reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": content}, "finish_reason": reason}


def _chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"


_EVENTS = _events()
