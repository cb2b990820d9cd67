"""Another program that holds the database, as a browser of databases or a backup does."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from bot.app import Timing
from bot.store.database import DatabaseTiming
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
        self.refused += "database is locked" in str(failure.original_exception)

    async def until_tried(self) -> None:
        """Wait until somebody has tried to write several times."""
        before = self.refused
        await eventually(lambda: self.refused >= before + _ATTEMPTS, what="attempts to write fail")


@asynccontextmanager
async def held(data_dir: Path) -> AsyncIterator[HeldDatabase]:
    """Hold the write lock of an installation's database within the block."""
    path, database = data_dir / "hero.db", HeldDatabase()
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)) as other:
        # in a thread: who holds the lock now may need this loop to give it up
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        event.listen(Engine, "handle_error", database.note)
        try:
            yield database
        finally:
            event.remove(Engine, "handle_error", database.note)
        other.execute("ROLLBACK")


async def during_lock(data_dir: Path, *actions: Coroutine[Any, Any, T]) -> list[T]:
    """Do things while the database is held. Return their results, which come once it is free."""
    async with held(data_dir) as database:
        tasks = [asyncio.create_task(action) for action in actions]
        await database.until_tried()
        assert not any(task.done() for task in tasks), "it did not need the database"
    return await asyncio.gather(*tasks)


@contextmanager
def held_for(data_dir: Path, *, seconds: float, after: float = 0.0) -> Iterator[None]:
    """Hold the database for some seconds, whatever the block does meanwhile; wait for the end of that."""
    taken = threading.Event()

    def hold() -> None:
        time.sleep(after)
        with closing(sqlite3.connect(data_dir / "hero.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            taken.set()
            time.sleep(seconds)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=hold)
    thread.start()
    if not after:
        assert taken.wait(10), "the database could not be taken"
    yield
    thread.join()
