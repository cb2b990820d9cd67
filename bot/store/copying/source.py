"""The database that is copied: checked, of one moment, and not changed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.clock import now
from bot.store.copy_lock import hold_alone
from bot.store.copying.connections import open_reading
from bot.store.copying.end import End
from bot.store.faults import opening_error
from bot.store.inspection import missing_parts
from bot.store.migrate import known_revision, newest
from bot.store.read_only import FileReading, log_of
from bot.store.schema import job

_RECENT = 60.0  # seconds since a worker's last sign, within which it may be at work on another machine
_IS_EMPTY = "is empty: there is nothing to copy."


@dataclass(frozen=True, slots=True)
class Source:
    """A database to copy, in a transaction that sees it at one moment. reading: how, if it is a file."""

    end: End
    connection: AsyncConnection
    is_unchanged: Callable[[], bool]
    reading: FileReading | None

    def check_unchanged(self) -> None:
        """Raise StoreError if another program has written to an SQLite file since it was opened."""
        if not self.is_unchanged():
            raise StoreError(
                f"Another program has written to {self.end.shown} meanwhile, so the copy is not finished: "
                "close that program, then start the same command again."
            )


@asynccontextmanager
async def open_source(end: End, *, alone: bool) -> AsyncIterator[Source]:
    """Open a database of this version's schema as it is at this moment, for reading.

    alone: nothing of ours may have it open meanwhile. Raises StoreError, with a sentence for the operator.
    """
    if end.path and not end.path.is_file():
        raise StoreError(
            f"There is no database {end.shown}: name the file or the server's address that it has."
        )
    async with AsyncExitStack() as stack:
        is_unchanged = _watched(end.path)
        reading = FileReading(end.path) if end.path else None
        try:
            connection = await stack.enter_async_context(open_reading(end, reading))
            if alone and end.backend == "postgresql":
                await hold_alone(connection)
            await _begin_snapshot(connection)
            await connection.run_sync(lambda sync: _check_schema(known_revision(sync)))
            await _check_complete(connection)
            if alone:
                await _check_no_worker(connection)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise opening_error(end.url, error) from error
        yield Source(end, connection, is_unchanged, reading)


async def _begin_snapshot(connection: AsyncConnection) -> None:
    """Begin a transaction that sees one moment; SQLite's always do."""
    if connection.dialect.name == "postgresql":
        await connection.commit()
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _check_schema(revision: str | None) -> None:
    if revision is None:
        raise StoreError(_IS_EMPTY)
    if revision != newest():
        raise StoreError(
            f"has the schema {revision} of an older version, and this version copies {newest()} alone. "
            "Nothing was changed. Start the bot of this version on it once, which changes the schema (and "
            "keeps a copy of an SQLite file of before); stop the bot, then start this again."
        )


async def _check_complete(connection: AsyncConnection) -> None:
    if missing := await missing_parts(connection):
        raise StoreError(f"lacks {', '.join(missing)}: put a backup in its place.")


async def _check_no_worker(connection: AsyncConnection) -> None:
    """Raise StoreError if a job has a worker, which may run on another machine."""
    query = select(now() - func.max(job.c.heartbeat)).where(job.c.state.in_(("running", "cancelling")))
    seconds = (await connection.execute(query)).scalar_one()
    if seconds is not None and seconds < _RECENT:
        raise StoreError(
            f"was used by a worker {max(0.0, seconds):.0f} seconds ago, perhaps on another "
            f"machine. Stop it, wait for {_RECENT:.0f} seconds, then start this again. Nothing was changed."
        )


def _watched(path: Path | None) -> Callable[[], bool]:
    """Return what tells whether an SQLite file and its log are still as they are now."""
    files = [path, log_of(path)] if path else []

    def seen() -> list[tuple[int, int] | None]:
        return [(each.stat().st_mtime_ns, each.stat().st_size) if each.exists() else None for each in files]

    before = seen()
    return lambda: seen() == before
