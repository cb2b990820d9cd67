"""The rate limiter: what it reads from headers, and how long it makes calls wait."""

import asyncio
import time

import pytest

from bot.llm.rate_limiter import RateLimiter, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("0.25", 0.25)]
)
def test_parse_duration_reads_openais_format(text: str, expected: float) -> None:
    assert parse_duration(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "1 s", "-1s", "1sx"])
def test_parse_duration_refuses_other_text(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


async def run_ready_tasks() -> None:
    """Let every task run until it waits for something that has not happened."""
    for _ in range(10):
        await asyncio.sleep(0)


def headers(name: str, limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{name}": str(limit),
        f"x-ratelimit-remaining-{name}": str(remaining),
        f"x-ratelimit-reset-{name}": reset,
    }


async def acquire_time(limiter: RateLimiter, tokens: int = 1) -> float:
    started = time.monotonic()
    await limiter.acquire(tokens)
    return time.monotonic() - started


async def test_no_headers_no_wait() -> None:
    limiter = RateLimiter()
    limiter.update_from_headers(await limiter.acquire(100), {})
    limiter.end_probe()
    assert sum([await acquire_time(limiter) for _ in range(100)]) < 0.5
    assert limiter.per_second("requests") is None


async def test_last_requests_are_spread_out_and_calls_in_flight_count() -> None:
    limiter = RateLimiter()
    limiter.update_from_headers(await limiter.acquire(1), headers("requests", 10, 5, "1s"))
    limiter.end_probe()
    waits = [await acquire_time(limiter) for _ in range(8)]
    assert max(waits[:3]) < 0.1 < min(waits[5:])
    assert limiter.per_second("requests") == pytest.approx(5)


async def test_tokens_are_limited_like_requests() -> None:
    limiter = RateLimiter()
    limiter.update_from_headers(await limiter.acquire(10), headers("tokens", 1000, 500, "1s"))
    limiter.end_probe()
    assert await acquire_time(limiter, tokens=10) < 0.1
    assert await acquire_time(limiter, tokens=390) < 0.1
    assert await acquire_time(limiter, tokens=390) > 0.5


async def test_older_answer_is_ignored() -> None:
    limiter = RateLimiter()
    older = await limiter.acquire(1)
    limiter.release_probe()
    newer = await limiter.acquire(1)
    limiter.update_from_headers(newer, headers("requests", 100, 99, "10ms"))
    limiter.update_from_headers(older, headers("requests", 100, 1, "60s"))
    limiter.end_probe()
    assert await acquire_time(limiter) < 0.5


async def test_first_call_goes_alone_until_it_is_answered() -> None:
    limiter = RateLimiter()
    first = await limiter.acquire(1)
    second = asyncio.create_task(limiter.acquire(1))
    await run_ready_tasks()
    assert not second.done()
    limiter.update_from_headers(first, {})
    await run_ready_tasks()
    assert not second.done()
    limiter.end_probe()
    await asyncio.wait_for(second, 1)


async def test_next_call_goes_alone_if_the_first_fails() -> None:
    limiter = RateLimiter()
    await limiter.acquire(1)
    second, third = (asyncio.create_task(limiter.acquire(1)) for _ in range(2))
    await run_ready_tasks()
    limiter.release_probe()
    await asyncio.wait_for(second, 1)
    await run_ready_tasks()
    assert not third.done()
    third.cancel()
