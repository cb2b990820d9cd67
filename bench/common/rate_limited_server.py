"""A server of OpenAI's chat API without a model, with a known latency and rate limit.

    python -m bench.common.rate_limited_server [--latency MS] [--burst N] [--per-second N]

The cost of a client, and how well it keeps to a rate limit, can only be measured if the server's own latency
and limit are known. GET /counts returns what was asked of it. It ends when its standard input closes.
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

from bench.common.canned_answers import canned_answer, parse_prompt


class RateLimit:
    """OpenAI's kind of rate limit, a token bucket: `burst` calls at once, refilled by `per_second`."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = burst
        self.per_second = per_second
        self._clock = clock
        self._tokens = float(burst)
        self._updated_at = clock()

    def try_acquire(self) -> bool:
        """Take one call from the bucket. Return False, and take nothing, if none is left."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._updated_at) * self.per_second)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def headers(self) -> dict[str, str]:
        """Return what is left, as OpenAI's response headers."""
        return {
            "x-ratelimit-limit-requests": str(self.burst),
            "x-ratelimit-remaining-requests": str(int(self._tokens)),
            "x-ratelimit-reset-requests": f"{(self.burst - self._tokens) / self.per_second:.3f}s",
        }

    def retry_after_header(self) -> dict[str, str]:
        """Return HTTP's Retry-After, in whole seconds."""
        return {"Retry-After": str(max(1, math.ceil((1 - self._tokens) / self.per_second)))}


@dataclass(slots=True)
class Counts:
    """Calls received, calls refused by the limit, and the server's own processor seconds."""

    requests: int = 0
    rate_limited: int = 0
    busy_seconds: float = 0.0


class RateLimitedServer:
    """Answers each call after `latency` seconds, however many are open at once."""

    def __init__(self, latency: float, limit: RateLimit | None = None) -> None:
        self._latency = latency
        self._limit = limit
        self._counts = Counts()

    def app(self) -> web.Application:
        """Return the application with its routes."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/counts", self._get_counts)
        return app

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._counts.requests += 1
        if self._limit and not self._limit.try_acquire():
            self._counts.rate_limited += 1
            return _error_response(
                429, "Rate limit reached", self._limit.headers() | self._limit.retry_after_header()
            )
        headers = self._limit.headers() if self._limit else {}
        number = self._counts.requests
        hero = parse_prompt(body["messages"][-1]["content"])
        if hero is None:
            return _error_response(400, "Only the bot's own generation prompt is answered here.", {})
        if self._latency:
            await asyncio.sleep(self._latency)
        return web.json_response(_completion(body["model"], canned_answer(hero, number)), headers=headers)

    async def _get_counts(self, _request: web.Request) -> web.Response:
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


def _error_response(status: int, message: str, headers: dict[str, str]) -> web.Response:
    error = {"message": message, "type": "requests", "param": None, "code": None}
    return web.Response(
        text=json.dumps({"error": error}), status=status, headers=headers, content_type="application/json"
    )


async def serve(server: RateLimitedServer) -> None:
    """Serve on a free port of 127.0.0.1 until stdin closes."""
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
    parser = argparse.ArgumentParser(prog="python -m bench.common.rate_limited_server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--burst", type=int, help="calls that the limit allows at once (default: no limit)")
    parser.add_argument("--per-second", type=float, default=1.0, help="calls by which the limit is refilled")
    options = parser.parse_args()
    limit = RateLimit(options.burst, options.per_second) if options.burst else None
    asyncio.run(serve(RateLimitedServer(options.latency / 1000, limit)))


if __name__ == "__main__":
    main()
