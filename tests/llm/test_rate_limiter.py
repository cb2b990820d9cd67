"""Pace: what it reads from headers, and how long it makes calls wait."""

import asyncio
import time

import pytest

from bot.llm.rate_limiter import RateLimiter, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("0.25", 0.25)]
)
def test_durations_are_read_as_openai_writes_them(text: str, expected: float) -> None:
    assert parse_duration(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "1 s", "-1s", "1sx"])
def test_other_words_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def headers(name: str, limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{name}": str(limit),
        f"x-ratelimit-remaining-{name}": str(remaining),
        f"x-ratelimit-reset-{name}": reset,
    }


async def took(pace: RateLimiter, tokens: int = 1) -> float:
    started = time.monotonic()
    await pace.acquire(tokens)
    return time.monotonic() - started


async def test_without_headers_nobody_waits() -> None:
    pace = RateLimiter()
    pace.update_from_headers(await pace.acquire(100), {})
    assert sum([await took(pace) for _ in range(100)]) < 0.5
    assert pace.per_second("requests") is None


async def test_few_requests_left_are_spread_and_what_is_under_way_counts() -> None:
    pace = RateLimiter()
    pace.update_from_headers(await pace.acquire(1), headers("requests", 10, 5, "1s"))
    waits = [await took(pace) for _ in range(8)]
    assert max(waits[:3]) < 0.1 < min(waits[5:])
    assert pace.per_second("requests") == pytest.approx(5)


async def test_tokens_are_limited_like_requests() -> None:
    pace = RateLimiter()
    pace.update_from_headers(await pace.acquire(10), headers("tokens", 1000, 500, "1s"))
    assert await took(pace, tokens=10) < 0.1
    assert await took(pace, tokens=390) < 0.1
    assert await took(pace, tokens=390) > 0.5


async def test_an_older_answer_teaches_nothing() -> None:
    pace = RateLimiter()
    older = await pace.acquire(1)
    pace.release_probe()
    newer = await pace.acquire(1)
    pace.update_from_headers(newer, headers("requests", 100, 99, "10ms"))
    pace.update_from_headers(older, headers("requests", 100, 1, "60s"))
    assert await took(pace) < 0.5


async def test_the_first_call_goes_alone_until_it_is_answered() -> None:
    pace = RateLimiter()
    first = await pace.acquire(1)
    second = asyncio.create_task(pace.acquire(1))
    await asyncio.sleep(0.05)
    assert not second.done()
    pace.update_from_headers(first, {})
    await asyncio.wait_for(second, 1)


async def test_where_the_first_call_fails_the_next_one_goes_alone() -> None:
    pace = RateLimiter()
    await pace.acquire(1)
    second, third = (asyncio.create_task(pace.acquire(1)) for _ in range(2))
    await asyncio.sleep(0.05)
    pace.release_probe()
    await asyncio.wait_for(second, 1)
    await asyncio.sleep(0.05)
    assert not third.done()
    third.cancel()
