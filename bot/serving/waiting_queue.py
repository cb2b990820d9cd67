"""The line: so many questions are with the model at once, the others wait in the order in which they came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import Busy
from bot.llm.stream import Stream


class WaitingQueue:
    """Gives out places at the model, and tells those who wait how many are before them."""

    def __init__(self, at_once: int, *, longest: int) -> None:
        self._free = at_once
        self._longest = longest
        self._waiting: list[Stream] = []  # in the order in which they came

    @asynccontextmanager
    async def slot(self, stream: Stream) -> AsyncIterator[None]:
        """Have a place at the model until the block ends.

        Raises Busy where too many wait already, Stopped where the stream is stopped meanwhile.
        """
        if self._free:
            self._free -= 1
        else:
            await self.wait(stream)
        try:
            yield
        finally:
            self._leave()

    async def wait(self, stream: Stream) -> None:
        """Wait in the queue for a slot. Raises Busy if it is full, Stopped if the stream is stopped."""
        if len(self._waiting) >= self._longest:
            raise Busy(
                "{number} people are waiting for the model. Try again in a minute.", number=len(self._waiting)
            )
        self._waiting.append(stream)
        self._tell()
        try:
            await stream.run_until_stopped(stream.until_served())
        except BaseException:
            if stream in self._waiting:
                self._waiting.remove(stream)
                self._tell()
            else:  # the place was given, and whoever was to have it has gone
                self._leave()
            raise

    def _leave(self) -> None:
        """Give the place to whoever is next."""
        if not self._waiting:
            self._free += 1
            return
        self._waiting.pop(0).leave_queue()
        self._tell()

    def _tell(self) -> None:
        for place, stream in enumerate(self._waiting, 1):
            if stream.position != place:
                stream.set_position(place)
