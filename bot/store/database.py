"""The database: two engines over one file or server, migrated on opening."""

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

Transaction = AsyncConnection  # what the query modules take: one open transaction

T = TypeVar("T")


class Database:
    """Transactions for the query modules.

    Writers queue for one connection and begin at once (BEGIN IMMEDIATE), so two tasks never share a
    transaction and none fails half-way on a lock; readers have connections of their own.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._waiting: list[_Waiting] = []
        self._shared: asyncio.Task[None] | None = None

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that is on the disk when the block ends, or not at all."""
        return self._writer.begin()

    async def write_together(self, piece: "WriteTask[T]", *others: "WriteTask[Any]") -> T:
        """Do small pieces of work in a transaction that is shared with whoever else waits for one.

        Many writers at once then wait for the disk once, and pieces of one kind are written by the same
        statements. The result is the first piece's; what is returned is on the disk, all pieces or none.
        Work that fails spoils the others' nothing: each waiter's is then done again by itself, so it must
        write to the database alone.
        """
        waiting = _Waiting((piece, *others), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._shared is None or self._shared.done():
            self._shared = asyncio.create_task(self._share())
        result: T = await waiting.done
        return result

    async def _share(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, []
            try:
                results = await self._do(some)
            except Exception as error:  # noqa: BLE001 (whose it was shows when each is done by itself)
                if len(some) == 1:
                    some[0].fail(error)
                else:
                    await self._one_by_one(some)
            else:
                for each, result in zip(some, results, strict=True):
                    each.end(result)

    async def _one_by_one(self, some: "list[_Waiting]") -> None:
        for each in some:
            try:
                (result,) = await self._do([each])
            except Exception as error:  # noqa: BLE001 (it is raised where the work was asked for)
                each.fail(error)
            else:
                each.end(result)

    async def _do(self, some: "list[_Waiting]") -> list[Any]:
        """All pieces in one transaction, kind by kind. Returns the result of everybody's first piece."""
        pieces = [piece for each in some for piece in each.pieces]
        kinds: dict[Callable[..., Any], list[WriteTask[Any]]] = {}
        for piece in pieces:
            kinds.setdefault(piece.work, []).append(piece)
        results: dict[int, Any] = {}
        async with self.write() as tx:
            for work, alike in kinds.items():
                done = await work(tx, [piece.item for piece in alike])
                results |= {id(piece): result for piece, result in zip(alike, done, strict=True)}
        return [results[id(each.pieces[0])] for each in some]

    async def settle(self) -> None:
        """Wait for shared transactions that are under way."""
        if self._shared:
            await self._shared

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """A consistent view that writes nothing."""
        return self._reader.begin()


@dataclass(frozen=True)
class WriteTask(Generic[T]):
    """One item for a piece of work that takes many of them at once and returns a result for each."""

    work: Callable[[Transaction, Sequence[Any]], Awaitable[Sequence[T]]]
    item: Any


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Pieces that wait for a shared transaction, and who waits for them (or does no more)."""

    pieces: tuple[WriteTask[Any], ...]
    done: "asyncio.Future[Any]"

    def end(self, result: Any) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open, bring the schema up to date, and close all connections in the end.

    Raises StoreError in words where the database cannot be read.
    """
    try:
        writer, reader = create_engines(url)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _unusable(url, error) from error
    try:
        try:
            async with _alone(writer):
                await _bring_up_to_date(url)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise _unusable(url, error) from error
        db = Database(writer, reader)
        try:
            yield db
        finally:
            await db.settle()
    finally:
        # an unclosed aiosqlite connection would keep the process from ending
        await writer.dispose()
        await reader.dispose()


def _alone(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    """Keep other processes from opening the same file meanwhile: SQLite's change to WAL can lock them out."""
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        return AsyncFileLock(f"{engine.url.database}.lock", is_singleton=False)
    return nullcontext()


def _unusable(url: str, error: Exception) -> StoreError:
    reason = getattr(error, "orig", None) or error
    address = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)  # a password is not for the log
    return StoreError(
        f"The database {address} cannot be used: {reason}. "
        "Mend the file or move it away (a new one is made), or correct DATABASE_URL."
    )


def create_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    """The writing engine (one connection) and the reading one."""
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


async def _bring_up_to_date(url: str) -> None:
    """Migrate over a connection of its own, which does not watch foreign keys.

    SQLite changes a table by putting a new one in its place; every reference to the old one would seem
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
        # busy_timeout first: the change to WAL, too, may have to wait for another process
        for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA foreign_keys={foreign_keys}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
