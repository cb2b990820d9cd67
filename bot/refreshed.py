"""Results that take long to compute: kept, and computed anew in the background once they are old."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from bot.errors import DatabaseBusy

log = logging.getLogger(__name__)

T = TypeVar("T")

SHARE = 20  # a result is kept so many times as long as computing it took


class Refreshed(Generic[T]):
    """Keeps the results of the last keys that were asked for. Only who asks for a key first has to wait."""

    def __init__(self, *, lifetime: float, most: int) -> None:
        """lifetime: in seconds, after which a result is computed anew. most: how many are kept.

        What takes long is kept longer, so that computing it takes a twentieth of the time.
        """
        self._lifetime = lifetime
        self._most = most
        # by key, the one asked for last at the end, with when it is old
        self._results: dict[Hashable, tuple[float, T]] = {}
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._started: dict[Hashable, float] = {}  # when what runs was started

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a key. Those who ask at the same time wait for one computation."""
        found = self._find(key, compute)
        return found[1] if found else await asyncio.shield(self._running[key])

    async def get_new(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a key, but none that is old."""
        until, result = self._results.get(key, (0.0, None))
        if result is not None and time.monotonic() <= until:
            return result
        return await self.renew(key, compute)

    async def renew(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """Compute the result of a key anew, and return it when it is there."""
        if key not in self._running:
            self._start(key, compute)
        return await asyncio.shield(self._running[key])

    def kept(self, key: Hashable) -> T | None:
        """Return what is kept of a key, however old; None if nothing is."""
        found = self._results.get(key)
        return found[1] if found else None

    def put(self, key: Hashable, age: float, result: T) -> None:
        """Serve what was kept elsewhere, with its age in seconds, unless something is kept here."""
        self._results.setdefault(key, (time.monotonic() + self._lifetime - age, result))

    async def get_within(
        self,
        key: Hashable,
        compute: Callable[[], Awaitable[T]],
        seconds: float,
        *,
        last: tuple[float, T] | None = None,
    ) -> T | None:
        """Return what get() does; None if it has not been computed so many seconds after it was begun.

        last: a result that was kept elsewhere, with its age in seconds.
        """
        if last is not None:
            self.put(key, *last)
        found = self._find(key, compute)
        if found:
            return found[1]
        running = self._running[key]
        left = self._started[key] + seconds - time.monotonic()
        await asyncio.wait({running}, timeout=max(0.0, left))
        return running.result() if running.done() else None

    def _find(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> tuple[float, T] | None:
        """Return what is kept of a key, and see to it that it is computed if it is old or not there."""
        found = self._results.pop(key, None)
        if found is not None:
            self._results[key] = found
        is_old = found is None or time.monotonic() > found[0]
        if is_old and key not in self._running:
            self._start(key, compute)
        return found

    def _start(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> None:
        self._started[key] = time.monotonic()
        self._running[key] = asyncio.create_task(self._compute(key, compute))
        self._running[key].add_done_callback(_log_failure)

    async def _compute(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await compute()
        finally:
            del self._running[key]
            started = self._started.pop(key)
        self._results.pop(key, None)
        ended = time.monotonic()
        self._results[key] = (ended + max(self._lifetime, SHARE * (ended - started)), result)
        while len(self._results) > self._most:
            del self._results[next(iter(self._results))]
        return result

    async def aclose(self) -> None:
        """End what is being computed."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _log_failure(task: asyncio.Task[T]) -> None:
    """Log why a result stays as old as it is; the next who asks tries again."""
    if not task.cancelled() and (error := task.exception()):
        log.warning(
            "what is kept could not be computed anew: %s",
            error,
            exc_info=None if isinstance(error, DatabaseBusy) else error,
        )
