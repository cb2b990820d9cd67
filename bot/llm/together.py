"""Run several workers at once that share what is to be done, as those who ask a model many times do."""

import asyncio
from collections.abc import Awaitable, Callable

Progress = Callable[[int, int], Awaitable[None]]
"""Is told how many calls are done, and how many there are in all. If it raises, the calls stop."""


async def run_together(work: Callable[[], Awaitable[None]], number: int) -> None:
    """Run the work so many times at once. If one fails, cancel the others and raise what it raised."""
    tasks = [asyncio.ensure_future(work()) for _ in range(number)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
