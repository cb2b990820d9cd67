"""Stream: the state of an answer on its way, for those who show or stop it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bot.errors import Stopped

T = TypeVar("T")


class Stream:
    """The text so far, the position in the queue before that, and a way to stop.

    position is 1 for the next in the queue, and 0 once the request is sent. The text only grows, except when
    a call broke off and is repeated, or is rewound to what somebody has seen of it.

    check returns how much of a text so far may be shown, which may be nothing yet; None rejects the text,
    which ends the answer. Without a check all of it is shown.
    """

    def __init__(self) -> None:
        self.position = 0
        self.text = ""
        self.seen = ""  # the longest text that show() has returned
        self.check: Callable[[str], str | None] | None = None
        self.rejected = False
        self.finished = False  # nothing more comes, whether the answer succeeded or failed
        self.deadline: asyncio.Timeout | None = None  # of reading the answer, while it is read
        self._stopped = asyncio.Event()
        self._served = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def set_position(self, position: int) -> None:
        self.position = position
        self._changed.set()

    def leave_queue(self) -> None:
        """End the wait in the queue: this request is next."""
        self._served.set()
        self.set_position(0)

    def set_text(self, text: str) -> None:
        """Set the text so far, as much of it as the check lets be shown."""
        shown = self.check(text) if self.check else text
        self.rejected = shown is None
        if shown or not self.check:
            self.text = shown or ""
            self._changed.set()

    def show(self, length: int | None = None) -> str:
        """Return the text so far, or its beginning, to be shown to people: it cannot be taken back then."""
        shown = self.text[:length]
        if len(shown) > len(self.seen):
            self.seen = shown
        return shown

    def begin_again(self, text: str, check: Callable[[str], str | None] | None) -> None:
        """Prepare for another answer, and its check. It begins with a text that covers what was seen."""
        self.text, self.check, self.rejected = text, check, False

    def end(self) -> None:
        """Mark the stream as finished."""
        self.finished = True
        self._changed.set()

    def stop(self) -> None:
        """End the answer here and at once, whatever it is waiting for."""
        self._stopped.set()
        if self.deadline:
            self.deadline.reschedule(asyncio.get_running_loop().time())

    async def changed(self) -> None:
        """Wait for a change since the last call."""
        await self._changed.wait()
        self._changed.clear()

    async def until_stopped(self) -> None:
        await self._stopped.wait()

    async def until_served(self) -> None:
        """Wait until the request leaves the queue."""
        await self._served.wait()

    def raise_if_stopped(self) -> None:
        if self.stopped:
            raise Stopped("Stopped before the first sentence was written.")

    async def sleep(self, seconds: float) -> None:
        """Sleep, or wake early when somebody stops the stream."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until_stopped()

    async def run_until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work, and cancel it as soon as somebody stops the stream. Raises Stopped."""
        if self.stopped:
            work.close()
            self.raise_if_stopped()
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.until_stopped())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self.raise_if_stopped()
            return await task
        finally:
            stopped.cancel()
            task.cancel()
