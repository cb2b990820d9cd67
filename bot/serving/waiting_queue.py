"""The waiting queue: a limited number of requests is with the model at once, others wait in order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import Busy
from bot.llm.stream import Stream


class WaitingQueue:
    """Hands out slots at the model, and tells each waiting stream its position."""

    def __init__(self, slots: int, *, max_length: int) -> None:
        self._slots = slots
        self._free = slots
        self._max_length = max_length
        self._waiting: list[Stream] = []  # in the order of their arrival

    @property
    def running(self) -> int:
        """How many requests are with the model."""
        return self._slots - self._free

    @property
    def length(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self, stream: Stream) -> AsyncIterator[bool]:
        """Hold a slot at the model until the block ends; yield whether there was a wait for it.

        Raises Busy if max_length streams wait already, Stopped if the stream is stopped meanwhile.
        """
        has_to_wait = not self._free
        if has_to_wait:
            await self.wait(stream)
        else:
            self._free -= 1
        try:
            yield has_to_wait
        finally:
            self._release()

    async def wait(self, stream: Stream) -> None:
        """Wait in the queue for a slot. Raises Busy if it is full, Stopped if the stream is stopped."""
        if len(self._waiting) >= self._max_length:
            raise Busy(
                "Too many people are waiting for the model ({number}). Try again in a minute.",
                number=len(self._waiting),
            )
        self._waiting.append(stream)
        self._update_positions()
        try:
            await stream.run_until_stopped(stream.until_served())
        except BaseException:
            if stream in self._waiting:
                self._waiting.remove(stream)
                self._update_positions()
            else:  # it was given the slot, and does not use it
                self._release()
            raise

    def _release(self) -> None:
        """Give the slot to the next waiting stream."""
        if not self._waiting:
            self._free += 1
            return
        self._waiting.pop(0).leave_queue()
        self._update_positions()

    def _update_positions(self) -> None:
        for place, stream in enumerate(self._waiting, 1):
            if stream.position != place:
                stream.set_position(place)
