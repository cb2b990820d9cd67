"""The line: so many questions are with the model at once, the others wait in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import Busy
from bot.llm.stream import Stream


class Line:
    """Gives out places at the model, and tells those who wait how many are before them."""

    def __init__(self, at_once: int, *, longest: int) -> None:
        self._free = at_once
        self._longest = longest
        self._waiting: dict[asyncio.Event, Stream] = {}  # in the order in which they came

    @asynccontextmanager
    async def place(self, stream: Stream) -> AsyncIterator[None]:
        """Have a place at the model until the block ends.

        Raises Busy where too many wait already, Stopped where the stream is stopped meanwhile.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(stream)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, stream: Stream) -> None:
        if len(self._waiting) >= self._longest:
            raise Busy(f"{len(self._waiting)} people are waiting for the model. Try again in a minute.")
        called = asyncio.Event()
        self._waiting[called] = stream
        self._tell()
        try:
            await stream.unless_stopped(called.wait())
        except BaseException:
            if called.is_set():  # the place was given, and whoever was to have it has gone
                self._leave()
            else:
                del self._waiting[called]
                self._tell()
            raise

    def _leave(self) -> None:
        """Give the place to whoever is next."""
        if not self._waiting:
            self._free += 1
            return
        called = next(iter(self._waiting))
        self._waiting.pop(called).wait_at(0)
        called.set()
        self._tell()

    def _tell(self) -> None:
        for place, stream in enumerate(self._waiting.values(), 1):
            if stream.place != place:
                stream.wait_at(place)
