"""Another program that holds the database, as a browser of databases or a backup does."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bot.app import Timing
from bot.settings import Settings
from bot.store.postgres import WRITE_LOCK
from bot.store.timing import DatabaseTiming
from tests.support.databases import ON_POSTGRES
from tests.support.eventually import eventually

T = TypeVar("T")

# The pause is none: the simulated Discord would wait for its end while it lets the bot's time stand still.
TIMING = Timing(database=DatabaseTiming(busy_timeout=0.1, retry_pause=0))

_ATTEMPTS = 3  # after as many that failed, something waits for the database, and not for anything else


class HeldDatabase:
    """A database that another program holds, and how often it was tried in vain since."""

    def __init__(self) -> None:
        self.refused = 0

    def note(self, failure: ExceptionContext) -> None:
        """Count a failed statement."""
        reason = str(failure.original_exception)
        self.refused += "database is locked" in reason or "lock timeout" in reason

    async def until_tried(self) -> None:
        """Wait until somebody has tried to write several times."""
        before = self.refused
        await eventually(lambda: self.refused >= before + _ATTEMPTS, what="attempts to write fail")


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[None]:
    """Hold the lock of those who write to an installation's database within the block."""
    if ON_POSTGRES:
        engine = create_async_engine(settings.database, poolclass=NullPool)
        async with engine.begin() as transaction:
            await transaction.execute(text(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"))
            yield
        await engine.dispose()
        return
    path = settings.data_dir / "hero.db"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)) as other:
        # in a thread: who holds the lock now may need this loop to give it up
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@asynccontextmanager
async def held(settings: Settings) -> AsyncIterator[HeldDatabase]:
    """Let another program hold an installation's database within the block, and count attempts to write."""
    database = HeldDatabase()
    async with writing(settings):
        event.listen(Engine, "handle_error", database.note)
        try:
            yield database
        finally:
            event.remove(Engine, "handle_error", database.note)


async def during_lock(settings: Settings, *actions: Coroutine[Any, Any, T]) -> list[T]:
    """Do things while the database is held. Return their results, which come once it is free."""
    async with held(settings) as database:
        tasks = [asyncio.create_task(action) for action in actions]
        await database.until_tried()
        assert not any(task.done() for task in tasks), "it did not need the database"
    return await asyncio.gather(*tasks)


@contextmanager
def held_for(settings: Settings, *, seconds: float, after: float = 0.0) -> Iterator[None]:
    """Hold the database for some seconds, whatever the block does meanwhile; wait for the end of that."""
    taken = threading.Event()

    async def hold() -> None:
        await asyncio.sleep(after)
        async with writing(settings):
            taken.set()
            await asyncio.sleep(seconds)

    thread = threading.Thread(target=asyncio.run, args=(hold(),))
    thread.start()
    if not after:
        assert taken.wait(10), "the database could not be taken"
    yield
    thread.join()
