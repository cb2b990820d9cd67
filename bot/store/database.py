"""The database: a writing and a reading engine over one file or server, migrated on opening."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from filelock import AsyncFileLock
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import DatabaseBusy, StoreError
from bot.histogram import SHORT_SECONDS, Histogram
from bot.store import engines, postgres
from bot.store.address import require_driver
from bot.store.copy_lock import check_not_copied
from bot.store.faults import opening_error, passing_faults
from bot.store.fence import Claim, check_claim, current_claim
from bot.store.migrate import is_newest, migrate, older_revision
from bot.store.postgres import Begun
from bot.store.shared_writes import SharedWrites, WriteTask
from bot.store.snapshot import sqlite_path
from bot.store.sqlite_connection import Connections
from bot.store.timing import DatabaseTiming
from bot.store.upgrade_copy import copy_before_upgrade

log = logging.getLogger(__name__)

Transaction = AsyncConnection  # an open transaction, which all queries take

T = TypeVar("T")


@dataclass(slots=True)
class DatabaseWaits:
    """How long transactions waited for their beginning, and how many met a database that was busy."""

    write: Histogram = field(default_factory=lambda: Histogram(SHORT_SECONDS))
    read: Histogram = field(default_factory=lambda: Histogram(SHORT_SECONDS))
    busy: int = 0


class Database:
    """Opens transactions for queries.

    Writers queue for one connection and take the lock at once (BEGIN IMMEDIATE; in PostgreSQL an advisory
    lock), so that tasks never share a transaction by accident, what a transaction has read stays true until
    it writes, and none fails half-way on a lock. Readers have connections of their own. Where another program
    holds the database, or its server is gone, `read` and `write` raise DatabaseBusy after the busy timeout,
    and what must not be lost (`write_when_free`, `write_together`) is tried again.
    """

    def __init__(
        self, writer: AsyncEngine, reader: AsyncEngine, timing: DatabaseTiming | None = None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._timing = timing or DatabaseTiming()
        self.waits = DatabaseWaits()
        # what was perhaps committed is not run again before that is known, however long it takes
        self._shared = SharedWrites(partial(self._write, patience=math.inf), self._may_retry)
        self._numbers = postgres.TransactionNumbers()
        self._busy = False  # at the last attempt
        self._closing = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Begin a transaction that is on the disk when the block ends; if it raises, nothing is written.

        If a server goes away while it commits, wait until it tells whether it has, at most for the patience.
        Raises JobTaken in what a worker does for a job that is another worker's by now (bot/store/fence.py).
        """
        claim = current_claim()
        async with self._write([claim] if claim else [], patience=self._timing.patience) as tx:
            yield tx

    @asynccontextmanager
    async def _write(self, claims: Iterable[Claim], *, patience: float) -> AsyncIterator[Transaction]:
        """Begin a transaction that writes for these jobs. patience: for a lost answer, in seconds."""
        begun, is_complete = Begun(), False
        try:
            async with self._begin_writing(begun) as tx:
                for claim in claims:
                    await check_claim(tx, claim)
                yield tx
                is_complete = True
        except DatabaseBusy as error:
            if not is_complete or not await self._was_committed(begun, error, patience):
                raise
        finally:
            self._numbers.forget(begun)
        if self._busy:
            self._busy = False
            log.warning("the database is free again")

    async def check_writable(self) -> None:
        """Raise DatabaseBusy if nothing can be written now: what is not stored should not be paid for."""
        async with self.write():
            pass

    async def write_when_free(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run work in a transaction, again and again while another program holds the database.

        Work must have no effects outside the database. Raises DatabaseBusy when the patience is used up, or
        this database is closing.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.patience
        while True:
            try:
                async with self.write() as tx:
                    return await work(tx)
            except DatabaseBusy as error:
                if loop.time() > end or not await self._may_retry(error):
                    raise

    async def _was_committed(self, begun: Begun, error: DatabaseBusy, patience: float) -> bool:
        """Ask whether a transaction was committed, as soon as its server answers again.

        To be sure that it has ended, the question waits for its lock. Raises DatabaseBusy.
        """
        if begun.number is None:
            return False
        end = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < end and await self._may_retry(error):
            question = Begun()
            try:
                async with self._begin_writing(question) as tx:
                    return self._numbers.is_latest(begun) and await postgres.was_committed(tx, begun.number)
            except DatabaseBusy:
                pass
            finally:
                self._numbers.forget(question)
        raise error

    async def _may_retry(self, error: DatabaseBusy) -> bool:
        """Pause before the next attempt. Return False if the database is closing."""
        if not self._busy:
            self._busy = True
            log.warning("the database is busy, what waits is written later: %s", error.reason)
        if not self._closing:
            await asyncio.sleep(self._timing.retry_pause)
        return not self._closing

    async def write_together(self, task: WriteTask[T], *others: WriteTask[Any]) -> T:
        """Run write tasks in a transaction that all current callers share: see SharedWrites.run()."""
        return await self._shared.run(task, *others)

    async def settle(self) -> None:
        """Wait for shared transactions to end. From now on nothing waits for another program's lock."""
        self._closing = True
        await self._shared.settle()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Begin a transaction with a consistent view, for queries that write nothing."""
        async with self._begin(self._reader, self.waits.read) as tx:
            yield tx

    @asynccontextmanager
    async def _begin_writing(self, begun: Begun) -> AsyncIterator[Transaction]:
        async with self._begin(self._writer, self.waits.write) as tx:
            self._numbers.note(begun, tx)
            yield tx

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine, waits: Histogram) -> AsyncIterator[Transaction]:
        """Begin a transaction, and count how long that took. Raises DatabaseBusy."""
        started = time.monotonic()
        try:
            with passing_faults():
                async with engine.begin() as tx:
                    waits.observe(time.monotonic() - started)
                    yield tx
        except DatabaseBusy:
            self.waits.busy += 1
            raise


@asynccontextmanager
async def open_database(url: str, timing: DatabaseTiming | None = None) -> AsyncIterator[Database]:
    """Open a database, migrate its schema, and close all connections in the end.

    Raise StoreError if the database cannot be used.
    """
    timing = timing or DatabaseTiming()
    require_driver(url)
    connections = Connections(timing.busy_timeout)
    async with AsyncExitStack() as stack:
        try:
            writer, reader = engines.writing_and_reading(url, timing, connections)
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise opening_error(url, error) from error
        stack.push_async_callback(connections.end)
        # an unclosed aiosqlite connection would keep the process from ending
        stack.push_async_callback(reader.dispose)
        stack.push_async_callback(writer.dispose)
        try:
            async with _exclusive(writer):
                await _migrate(url, reader, timing, connections)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise opening_error(url, error) from error
        db = Database(writer, reader, timing)
        stack.push_async_callback(db.settle)
        yield db


def _exclusive(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    """Keep other processes from opening the file meanwhile: SQLite's change to WAL can lock them out."""
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        return AsyncFileLock(f"{engine.url.database}.lock", is_singleton=False)
    return nullcontext()


async def _migrate(url: str, reader: AsyncEngine, timing: DatabaseTiming, connections: Connections) -> None:
    """Migrate over a separate connection, which does not enforce foreign keys. First copy an older database.

    SQLite changes a table by replacing it with a new one, and every reference to the old one would seem
    broken. A database of the newest schema, as at nearly every start, is only read: another program may be
    writing to it.
    """
    async with reader.begin() as transaction:
        await check_not_copied(transaction)
        if await transaction.run_sync(_is_ready):
            return
        older = await transaction.run_sync(older_revision)
    if older and (database := sqlite_path(url)):
        await asyncio.to_thread(copy_before_upgrade, database, older)
    engine = engines.migrating(url, timing, connections)
    try:
        async with engine.begin() as transaction:
            await transaction.run_sync(migrate)
    finally:
        await engine.dispose()


def _is_ready(connection: Connection) -> bool:
    """Return whether the schema is the newest one. Raise StoreError if the server or the user does not do."""
    if connection.dialect.name != "postgresql":
        return is_newest(connection)
    postgres.check_server(connection)
    if not is_newest(connection):
        return False
    postgres.check_rights(connection)
    return True
