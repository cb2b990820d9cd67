"""The engine of a command, and a word on the terminal while it starts."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from rich.console import Console

from bot.processes import run_engine, share_engine
from bot.settings import Settings


def shared_engine(settings: Settings) -> AbstractAsyncContextManager[Settings]:
    """Yield the settings with the engine that works in this data folder, else with one for the block.

    Raises OperatorError if none can be had.
    """
    return _announced(share_engine(settings))


def own_engine(
    settings: Settings, *, port: int = 0, needs_key: bool = True
) -> AbstractAsyncContextManager[Settings]:
    """Yield the settings with an engine that is started for the block. Raises OperatorError if it fails."""
    return _announced(run_engine(settings, port=port, needs_key=needs_key))


@asynccontextmanager
async def _announced(engine: AbstractAsyncContextManager[Settings]) -> AsyncIterator[Settings]:
    """Say that an engine starts, which takes some seconds, on stderr and only where a person reads it."""
    async with AsyncExitStack() as stack:
        with Console(stderr=True).status("The model engine is starting ..."):
            reachable = await stack.enter_async_context(engine)
        yield reachable
