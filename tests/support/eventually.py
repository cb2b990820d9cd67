"""Waiting in tests: for a condition, with a bound."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(
    check: Callable[[], object | Awaitable[object]],
    *,
    what: str,
    timeout: float = 30.0,  # noqa: ASYNC109 (the message names what did not happen)
    interval: float = 0.02,
) -> None:
    """Wait until check() is true. Raises AssertionError naming `what` after `timeout` seconds.

    check: may be a coroutine function; called every `interval` seconds.
    """
    end = time.monotonic() + timeout
    while True:
        result = check()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return
        if time.monotonic() > end:
            raise AssertionError(f"within {timeout:.0f} s this did not happen: {what}")
        await asyncio.sleep(interval)
