"""Who may make an answer now, who waits for it, and who is sent away."""

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from statistics import fmean

from engine.errors import ApiError
from engine.limits import SLOTS

WAITING = 32
"""Answers that may wait for a slot, those for all models together."""

_RECENT = 32  # answers whose time tells how soon a slot becomes free


class _Line:
    """The answers of one model: those in its slots, and those behind them in the order they came."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(SLOTS)
        self.answers = 0

    def waiting(self, more: int = 0) -> int:
        return max(0, self.answers + more - SLOTS)


class Slots:
    """Each model has `SLOTS` slots; an answer holds one while it is made, loading the model included."""

    def __init__(self) -> None:
        """Begin with every slot free."""
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        self._seconds: deque[float] = deque(maxlen=_RECENT)
        self.refused = 0
        """Chats sent away so far."""

    @property
    def running(self) -> int:
        """Answers in the making."""
        return sum(line.answers - line.waiting() for line in self._lines.values())

    @property
    def waiting(self) -> int:
        """Answers that wait for a slot."""
        return sum(line.waiting() for line in self._lines.values())

    @contextmanager
    def reserve(self, model: str, answers: int) -> Iterator["Places"]:
        """Give a chat its places in the line of a model, for as long as the block lasts.

        Raises a 429 with `Retry-After` where too many wait already.
        """
        line = self._lines[model]
        if self.waiting - line.waiting() + line.waiting(more=answers) > WAITING:
            self.refused += 1
            raise self._full(answers)
        places = Places(line, answers, self._seconds)
        try:
            yield places
        finally:
            places.leave()

    def _full(self, answers: int) -> ApiError:
        # a place becomes free as often as one of the slots does
        seconds = math.ceil(fmean(self._seconds or [1.0]) * answers / SLOTS)
        message = f"Too many chats are waiting for an answer. Try again in {max(1, seconds)} s."
        headers = {"Retry-After": str(max(1, seconds))}
        return ApiError(429, message, code="rate_limit_exceeded", headers=headers)


class Places:
    """The places of one chat, one for each of its answers."""

    def __init__(self, line: _Line, answers: int, seconds: deque[float]) -> None:
        """Stand in `line`; how long the slots were held goes to `seconds`."""
        self._line = line
        self._left = answers
        self._seconds = seconds
        line.answers += answers

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it; the place is given up with it."""
        async with self._line.slots:
            started = time.monotonic()
            try:
                yield
            finally:
                self._seconds.append(time.monotonic() - started)
                self._give_up(1)

    def leave(self) -> None:
        """Give up the places that are left."""
        self._give_up(self._left)

    def _give_up(self, places: int) -> None:
        self._left -= places
        self._line.answers -= places
