"""The engine of a command, and a word on the terminal while it starts."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from rich.console import Console
from rich.text import Text

from bot.engine_download import EngineDownload
from bot.processes import run_engine, share_engine
from bot.settings import Settings

_LINE_INTERVAL = 10.0  # seconds between lines of a download where no terminal shows it in place


def shared_engine(settings: Settings) -> AbstractAsyncContextManager[Settings]:
    """Yield the settings with the engine that works in this data folder, else with one for the block.

    Raises OperatorError if none can be had.
    """
    announcement = _Announcement()
    return announcement.around(share_engine(settings, on_download=announcement.tell))


def own_engine(
    settings: Settings, *, port: int = 0, needs_key: bool = True
) -> AbstractAsyncContextManager[Settings]:
    """Yield the settings with an engine that is started for the block. Raises OperatorError if it fails."""
    announcement = _Announcement()
    return announcement.around(
        run_engine(settings, port=port, needs_key=needs_key, on_download=announcement.tell)
    )


class _Announcement:
    """Says on stderr that an engine starts, which takes some seconds, and how far its download is."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = self._console.status("The model engine is starting ...")
        self._told_at = time.monotonic()

    @asynccontextmanager
    async def around(self, engine: AbstractAsyncContextManager[Settings]) -> AsyncIterator[Settings]:
        """Show it while the engine starts; only a person who watches the terminal sees it."""
        async with AsyncExitStack() as stack:
            with self._status:
                reachable = await stack.enter_async_context(engine)
            yield reachable

    def tell(self, download: EngineDownload) -> None:
        """Show how far a download is; in a pipe, as a line from time to time."""
        if self._console.is_terminal:
            self._status.update(Text(str(download.message())))
        elif time.monotonic() - self._told_at >= _LINE_INTERVAL:
            self._told_at = time.monotonic()
            self._console.print(Text(str(download.message())), soft_wrap=True)
