"""What a replica has to tell the head, in bundles: one message a token would cost more than the token.

A bundle leaves as soon as something in it is urgent, and otherwise some milliseconds after its first part.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BUNDLE_SECONDS = 0.04
"""How long a token may wait for others."""
HEARTBEAT_SECONDS = 1.0
"""After which an empty bundle says that the replica lives."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer."""

    error: Exception | None = None
    """Why it broke off, as far as it did; it can be pickled."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the replica's log."""

    logger: str
    level: int
    message: str
    traceback: str | None
    request_id: str


Part = dict[str, Any] | Ended
"""A chunk of an answer, or its end."""


class Outbox:
    """Collects what several answers say, for one reader. Not thread-safe."""

    def __init__(
        self,
        *,
        bundle_seconds: float = BUNDLE_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty. `clock` returns seconds."""
        self._bundle_seconds = bundle_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._clock = clock
        self._parts: list[tuple[int, Part]] = []
        self._notes: list[Note] = []
        self._begun_at = 0.0  # when the first of them came
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()

    def add(self, answer: int, part: Part, *, urgent: bool) -> None:
        """Add a part of the answer of this number."""
        self._begin()
        self._parts.append((answer, part))
        if urgent:
            self.flush()

    def add_note(self, note: Note) -> None:
        """Add a line of the log."""
        self._begin()
        self._notes.append(note)

    def flush(self) -> None:
        """Let the reader have what there is now, be it nothing."""
        self._begin()
        self._urgent.set()

    async def next(self) -> tuple[list[tuple[int, Part]], list[Note]]:
        """Wait for the next bundle, and return its parts, in order, and its lines of the log."""
        if await _is_set(self._some, self._heartbeat_seconds):
            await _is_set(self._urgent, self._begun_at + self._bundle_seconds - self._clock())
        self._some.clear()
        self._urgent.clear()
        parts, self._parts = self._parts, []
        notes, self._notes = self._notes, []
        return parts, notes

    def _begin(self) -> None:
        if not self._some.is_set():
            self._begun_at = self._clock()
            self._some.set()


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not longer than some seconds; return whether it is set."""
    if not event.is_set() and seconds > 0:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
    return event.is_set()
