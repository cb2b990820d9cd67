"""The database: a writing and a reading engine over one file or server, migrated on opening."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import AsyncFileLock
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.errors import StoreError
from bot.store.migrate import migrate
from bot.store.sqlite_connection import Connection as SQLiteConnection

Transaction = AsyncConnection  # an open transaction, which all queries take

T = TypeVar("T")


class Database:
    """Opens transactions for queries.

    Writers queue for one connection and take the lock at once (BEGIN IMMEDIATE), so that tasks never share a
    transaction by accident and none fails half-way on a lock. Readers have connections of their own.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._waiting: list[_Waiting] = []
        self._shared: asyncio.Task[None] | None = None

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction that is on the disk when the block ends; if it raises, nothing is written."""
        return self._writer.begin()

    async def write_together(self, task: "WriteTask[T]", *others: "WriteTask[Any]") -> T:
        """Run write tasks in a transaction that all current callers share.

        Many writers then wait for the disk once, and tasks with the same work are written by the same
        statements. Return the result of the first task once all tasks of this call are on the disk. If any
        fails, none of the call's is written. A failure does not affect other callers: the tasks of each are
        run again in a transaction of its own, so they must have no effects outside the database.
        """
        waiting = _Waiting((task, *others), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._shared is None or self._shared.done():
            self._shared = asyncio.create_task(self._share())
        result: T = await waiting.done
        return result

    async def _share(self) -> None:
        while self._waiting:
            callers, self._waiting = self._waiting, []
            try:
                results = await self._run(callers)
            except Exception as error:  # noqa: BLE001 (running the callers one by one shows whose it is)
                if len(callers) == 1:
                    callers[0].fail(error)
                else:
                    await self._run_one_by_one(callers)
            else:
                for caller, result in zip(callers, results, strict=True):
                    caller.end(result)

    async def _run_one_by_one(self, callers: "list[_Waiting]") -> None:
        for caller in callers:
            try:
                (result,) = await self._run([caller])
            except Exception as error:  # noqa: BLE001 (it is raised to the caller)
                caller.fail(error)
            else:
                caller.end(result)

    async def _run(self, callers: "list[_Waiting]") -> list[Any]:
        """Run all tasks in one transaction, grouped by work. Return the result of each caller's first."""
        by_work: dict[Callable[..., Any], list[WriteTask[Any]]] = {}
        for caller in callers:
            for task in caller.tasks:
                by_work.setdefault(task.work, []).append(task)
        results: dict[int, Any] = {}
        async with self.write() as tx:
            for work, tasks in by_work.items():
                done = await work(tx, [task.item for task in tasks])
                results |= {id(task): result for task, result in zip(tasks, done, strict=True)}
        return [results[id(caller.tasks[0])] for caller in callers]

    async def settle(self) -> None:
        """Wait for shared transactions to end."""
        if self._shared:
            await self._shared

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction with a consistent view, for queries that write nothing."""
        return self._reader.begin()


@dataclass(frozen=True)
class WriteTask(Generic[T]):
    """One item for work that takes many items at once and returns a result for each."""

    work: Callable[[Transaction, Sequence[Any]], Awaitable[Sequence[T]]]
    item: Any


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The tasks of one caller, and the future on which it waits unless it was cancelled."""

    tasks: tuple[WriteTask[Any], ...]
    done: "asyncio.Future[Any]"

    def end(self, result: Any) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open a database, migrate its schema, and close all connections in the end.

    Raise StoreError if the database cannot be used.
    """
    try:
        writer, reader = create_engines(url)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _store_error(url, error) from error
    try:
        try:
            async with _exclusive(writer):
                await _migrate(url)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise _store_error(url, error) from error
        db = Database(writer, reader)
        try:
            yield db
        finally:
            await db.settle()
    finally:
        # an unclosed aiosqlite connection would keep the process from ending
        await writer.dispose()
        await reader.dispose()


def _exclusive(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    """Keep other processes from opening the file meanwhile: SQLite's change to WAL can lock them out."""
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        return AsyncFileLock(f"{engine.url.database}.lock", is_singleton=False)
    return nullcontext()


def _store_error(url: str, error: Exception) -> StoreError:
    reason = getattr(error, "orig", None) or error
    address = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)  # no password in the log
    return StoreError(
        f"The database {address} cannot be used: {reason}. "
        "Mend the file or move it away (a new one is made), or correct DATABASE_URL."
    )


def create_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    """Return the writing engine (one connection) and the reading one."""
    writer = _engine(url, pool_size=1, max_overflow=0)
    reader = _engine(url, pool_size=4)
    if writer.url.get_backend_name() == "sqlite":
        if writer.url.database:
            Path(writer.url.database).parent.mkdir(parents=True, exist_ok=True)
        _tune_sqlite(writer, begin="BEGIN IMMEDIATE")
        _tune_sqlite(reader, begin="BEGIN")
    return writer, reader


def _engine(url: str, **options: Any) -> AsyncEngine:
    if make_url(url).drivername == "sqlite+aiosqlite":
        options["connect_args"] = {"async_creator_fn": SQLiteConnection.opening}
    return create_async_engine(url, **options)


async def _migrate(url: str) -> None:
    """Migrate over a separate connection, which does not enforce foreign keys.

    SQLite changes a table by replacing it with a new one, and every reference to the old one would seem
    broken.
    """
    migrating = _engine(url, poolclass=NullPool)
    if migrating.url.get_backend_name() == "sqlite":
        _tune_sqlite(migrating, begin="BEGIN IMMEDIATE", foreign_keys="OFF")
    try:
        async with migrating.begin() as transaction:
            await transaction.run_sync(migrate)
    finally:
        await migrating.dispose()


def _tune_sqlite(engine: AsyncEngine, *, begin: str, foreign_keys: str = "ON") -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's events below begin transactions, not the driver
        cursor = connection.cursor()
        # busy_timeout first: the change to WAL may have to wait for another process, too
        for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA foreign_keys={foreign_keys}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
