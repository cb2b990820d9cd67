"""Another program that holds the database, as a browser of databases or a backup does."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bot.app import Timing
from bot.store.database import DatabaseTiming

T = TypeVar("T")

# The pause is none: the simulated Discord would wait for its end while it lets the bot's time stand still.
TIMING = Timing(database=DatabaseTiming(busy_timeout=0.1, retry_pause=0))

HELD_SECONDS = 1.0  # many attempts, all of which fail


@asynccontextmanager
async def held(data_dir: Path) -> AsyncIterator[None]:
    """Hold the write lock of an installation's database within the block."""
    with closing(sqlite3.connect(data_dir / "hero.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def during_lock(data_dir: Path, *actions: Coroutine[Any, Any, T]) -> list[T]:
    """Do things while the database is held. Return their results, which come once it is free."""
    async with held(data_dir):
        tasks = [asyncio.create_task(action) for action in actions]
        await asyncio.sleep(HELD_SECONDS)
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
