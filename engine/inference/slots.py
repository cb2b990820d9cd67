"""Slots: how many completions a model generates at once, how many wait, and when a chat gets a 429.

Batches, and chats of the service tier "flex", take slots in the background: what one of them answers begins
only while it leaves a slot free for others.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from statistics import fmean

from anyio import CapacityLimiter

from engine.errors import ApiError
from engine.limits import MAX_WAITING, SLOTS

_RECENT = 32  # completions whose mean duration gives the Retry-After of a 429


class _ModelQueue:
    """The completions of one model that hold a slot or wait for one, first come, first served."""

    def __init__(self, size: Callable[[], int]) -> None:
        self.completions = 0
        self._size = size
        self._slots = CapacityLimiter(size())
        self._left = asyncio.Event()
        self._background_turn = asyncio.Lock()
        self.waiting_in_background = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        holder = object()
        self._resize()
        await self._slots.acquire_on_behalf_of(holder)
        try:
            yield
        finally:
            self._slots.release_on_behalf_of(holder)
            self._resize()

    def _resize(self) -> None:
        """Follow the runtimes: those that wait begin if there are more slots by now."""
        self._slots.total_tokens = self._size()

    def leave(self, completions: int) -> None:
        """Remove completions, which may let others begin in the background."""
        self.completions -= completions
        self._left.set()

    async def add_in_background(self, completions: int) -> None:
        """Add completions, in order of arrival, when they leave a slot free for others or would be alone."""
        self.waiting_in_background += completions
        try:
            async with self._background_turn:
                while self.completions and self.completions + completions >= self._size():
                    self._left.clear()
                    await self._left.wait()
                self.completions += completions
        finally:
            self.waiting_in_background -= completions

    def waiting(self, more: int = 0) -> int:
        """Return how many wait for a slot, or would wait if `more` completions were added."""
        return max(0, self.completions + more - self._size())


class Slots:
    """The slots of all models; a completion holds one while it is generated or its model is loaded."""

    def __init__(
        self, size: Callable[[str], int] = lambda _: SLOTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with every slot free.

        `size` returns the number of a model's slots, which may change; `clock` returns seconds.
        """
        self._size = size
        self._queues: dict[str, _ModelQueue] = {}
        self._durations: deque[float] = deque(maxlen=_RECENT)
        self._clock = clock
        self.refused = 0
        """Number of chats rejected with a 429."""

    @property
    def running(self) -> int:
        """Number of completions that hold a slot."""
        return sum(queue.completions - queue.waiting() for queue in self._queues.values())

    @property
    def waiting(self) -> int:
        """Number of completions that wait for a slot."""
        return sum(queue.waiting() for queue in self._queues.values())

    @property
    def waiting_in_background(self) -> int:
        """Number of completions that give way to others, and have not begun."""
        return sum(queue.waiting_in_background for queue in self._queues.values())

    @contextmanager
    def reserve(self, model: str, completions: int) -> Iterator["Reservation"]:
        """Queue the completions of one chat; those still queued at the end of the block are removed.

        Raises a 429 with `Retry-After` if too many wait already.
        """
        queue = self._queue(model)
        if self.waiting - queue.waiting() + queue.waiting(more=completions) > MAX_WAITING:
            self.refused += 1
            raise self._too_many_waiting(model, completions)
        queue.completions += completions
        reservation = Reservation(queue, completions, self._durations, self._clock)
        try:
            yield reservation
        finally:
            reservation.cancel()

    @asynccontextmanager
    async def reserve_in_background(self, model: str, completions: int) -> AsyncIterator["Reservation"]:
        """Wait until the completions can begin at once and leave a slot free, and reserve them."""
        queue = self._queue(model)
        await queue.add_in_background(completions)
        reservation = Reservation(queue, completions, self._durations, self._clock)
        try:
            yield reservation
        finally:
            reservation.cancel()

    def _queue(self, model: str) -> _ModelQueue:
        return self._queues.setdefault(model, _ModelQueue(partial(self._size, model)))

    def _too_many_waiting(self, model: str, completions: int) -> ApiError:
        # a model frees all its slots in the time of one completion
        seconds = math.ceil(fmean(self._durations or [1.0]) * completions / self._size(model))
        message = f"Too many chats are waiting for an answer. Try again in {max(1, seconds)} s."
        headers = {"Retry-After": str(max(1, seconds))}
        return ApiError(429, message, code="rate_limit_exceeded", headers=headers)


class Reservation:
    """The queued completions of one chat."""

    def __init__(
        self, queue: _ModelQueue, completions: int, durations: deque[float], clock: Callable[[], float]
    ) -> None:
        """Take completions that `queue` has; `durations` gets the seconds that each held its slot."""
        self._queue = queue
        self._left = completions
        self._durations = durations
        self._clock = clock

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it; afterwards the completion leaves the queue."""
        async with self._queue.slot():
            started = self._clock()
            try:
                yield
            finally:
                self._durations.append(self._clock() - started)
                self._remove(1)

    def cancel(self) -> None:
        """Remove the completions that are still queued."""
        self._remove(self._left)

    def _remove(self, completions: int) -> None:
        self._left -= completions
        self._queue.leave(completions)
