"""A server of OpenAI's chat shape without a model: `python -m bench.common.rated_server [--latency MS] ...`.

What a client costs and how it keeps to a rate limit can be told only where the server's own time and limit
are known. /counts says what it was asked; it ends when its standard input does.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from aiohttp import web

from bench.common.rated_texts import asked_for, describe


class Limit:
    """A rate limit as OpenAI keeps it: `most` calls at once, growing back by `per_second`."""

    def __init__(self, most: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.per_second = per_second
        self._clock = clock
        self._left = float(most)
        self._at = clock()

    def take(self) -> bool:
        """Take a call from the limit. False, and nothing is taken, where none is left."""
        now = self._clock()
        self._left = min(self.most, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> dict[str, str]:
        """What is left, in OpenAI's words."""
        return {
            "x-ratelimit-limit-requests": str(self.most),
            "x-ratelimit-remaining-requests": str(int(self._left)),
            "x-ratelimit-reset-requests": f"{(self.most - self._left) / self.per_second:.3f}s",
        }

    def retry_after(self) -> dict[str, str]:
        """When to come again, in whole seconds, as HTTP has it."""
        return {"Retry-After": str(max(1, math.ceil((1 - self._left) / self.per_second)))}


@dataclass(slots=True)
class Counts:
    """What a server was asked: calls, those of them that the limit refused, and its own processor seconds."""

    requests: int = 0
    rate_limited: int = 0
    busy_seconds: float = 0.0


class RatedServer:
    """Answers after `latency` seconds each, however many ask at once."""

    def __init__(self, latency: float, limit: Limit | None = None) -> None:
        self._latency = latency
        self._limit = limit
        self._counts = Counts()

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/counts", self._count)
        return app

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._counts.requests += 1
        if self._limit and not self._limit.take():
            self._counts.rate_limited += 1
            return _refusal(429, "Rate limit reached", self._limit.headers() | self._limit.retry_after())
        headers = self._limit.headers() if self._limit else {}
        number = self._counts.requests
        asked = asked_for(body["messages"][-1]["content"])
        if asked is None:
            return _refusal(400, "Only the product's own question is answered here.", {})
        if self._latency:
            await asyncio.sleep(self._latency)
        return web.json_response(_completion(body["model"], describe(asked, number)), headers=headers)

    async def _count(self, _request: web.Request) -> web.Response:
        self._counts.busy_seconds = time.process_time()
        return web.json_response(asdict(self._counts))


def _completion(model: str, text: str) -> dict[str, object]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 50, "completion_tokens": 120, "total_tokens": 170}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def _refusal(status: int, words: str, headers: dict[str, str]) -> web.Response:
    error = {"message": words, "type": "requests", "param": None, "code": None}
    return web.Response(
        text=json.dumps({"error": error}), status=status, headers=headers, content_type="application/json"
    )


async def serve(server: RatedServer) -> None:
    """Serve on a free port of this machine until stdin ends."""
    runner = web.AppRunner(server.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.common.rated_server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="of an answer, in milliseconds")
    parser.add_argument("--most", type=int, help="calls that the limit allows at once (default: no limit)")
    parser.add_argument("--per-second", type=float, default=1.0, help="by which the limit grows back")
    options = parser.parse_args()
    limit = Limit(options.most, options.per_second) if options.most else None
    asyncio.run(serve(RatedServer(options.latency / 1000, limit)))


if __name__ == "__main__":
    main()
