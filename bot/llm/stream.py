"""Stream: an answer on its way, as whoever waits for it sees it."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bot.errors import Stopped

T = TypeVar("T")


class Stream:
    """The text so far, the place in the line before that, and a way to stop.

    place is 1 for whoever is next, 0 once the question is out. The text only grows, but where a call broke
    off and is made anew.
    """

    def __init__(self) -> None:
        self.position = 0
        self.text = ""
        self.finished = False  # nothing more comes, whatever became of it
        self.deadline: asyncio.Timeout | None = None  # what ends the reading of the answer
        self._stopped = asyncio.Event()
        self._served = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def set_position(self, position: int) -> None:
        self.position = position
        self._news.set()

    def leave_queue(self) -> None:
        """End the wait in the line."""
        self._served.set()
        self.set_position(0)

    def append(self, text: str) -> None:
        self.text = text
        self._news.set()

    def end(self) -> None:
        """Say that nothing more comes."""
        self.finished = True
        self._news.set()

    def stop(self) -> None:
        """End the answer here: at once, whatever the model is about."""
        self._stopped.set()
        if self.deadline:
            self.deadline.reschedule(asyncio.get_running_loop().time())

    async def changed(self) -> None:
        """Wait for something that was not there at the last look."""
        await self._news.wait()
        self._news.clear()

    async def until_stopped(self) -> None:
        await self._stopped.wait()

    async def until_served(self) -> None:
        await self._served.wait()

    def raise_if_stopped(self) -> None:
        if self.stopped:
            raise Stopped("Stopped before the first sentence was written.")

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass, or less where somebody stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until_stopped()

    async def run_until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that is given up as soon as somebody stops. Raises Stopped."""
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
