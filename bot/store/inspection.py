"""Look at a database without changing anything: no migration, no lock, and no file left beside it."""

import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Float, event, func, inspect, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.errors import StoreError
from bot.store import clock, engines, postgres
from bot.store.address import parse_address, require_driver
from bot.store.database import Database, Transaction
from bot.store.faults import opening_error
from bot.store.migrate import known_revision, newest
from bot.store.read_only import FileReading, log_of
from bot.store.schema import metadata
from bot.store.sqlite_connection import Connection as SqliteConnection
from bot.store.sqlite_connection import Connections
from bot.store.timing import DatabaseTiming

_PROC_LOCKS = Path("/proc/locks")
_WAL_WRITE_LOCK = 120  # the byte of the -shm file that a writer locks
_RESERVED_LOCK = 0x40000001  # the byte of the database itself, if it has no WAL


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """The file of an SQLite database, and the write-ahead log beside it."""

    path: Path

    @property
    def wal(self) -> Path:
        return log_of(self.path)

    @property
    def shared_memory(self) -> Path:
        return self.path.with_name(f"{self.path.name}-shm")


def database_file(url: str) -> DatabaseFile | None:
    """Return the file of a database; None if it is none of SQLite's.

    Raises StoreError for what is no address, and for a database without a driver here.
    """
    parsed = require_driver(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return DatabaseFile(Path(parsed.database))


def database_host(url: str) -> str | None:
    """Return the host on which a database server is asked; None for a file, or a socket of this machine."""
    return parse_address(url).host


@asynccontextmanager
async def open_to_inspect(url: str, *, busy_timeout: float) -> AsyncIterator[Database]:
    """Open a database for reading, whatever its schema. busy_timeout: in seconds.

    Raises StoreError, with a sentence for the operator, if it cannot be opened or read; FileOpened at the end
    of the block if a file that nobody had open was opened meanwhile: what was read is to be read once more.
    """
    connections = Connections(busy_timeout)
    readings: list[FileReading] = []
    async with AsyncExitStack() as stack:
        try:
            engine = _reading_engine(url, connections, busy_timeout, readings)
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise opening_error(url, error) from error
        stack.push_async_callback(connections.end)
        stack.push_async_callback(engine.dispose)
        db = Database(engine, engine)
        try:
            async with engine.begin() as transaction:
                await transaction.run_sync(_check_usable)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise opening_error(url, error) from error
        try:
            yield db
        except SQLAlchemyError:
            _check(readings)  # it may have come of that
            raise
        _check(readings)


def _check_usable(connection: Connection) -> None:
    """Raise StoreError if a start with this database would, for its schema, its server or its user."""
    if connection.dialect.name == "postgresql":
        postgres.check_server(connection)
    if known_revision(connection) == newest() and connection.dialect.name == "postgresql":
        postgres.check_rights(connection)


def _check(readings: Iterable[FileReading]) -> None:
    for each in readings:
        each.check()


def _reading_engine(
    url: str, connections: Connections, busy_timeout: float, readings: list[FileReading]
) -> AsyncEngine:
    """Return an engine with a connection for each transaction. readings: an SQLite file's are added."""
    file = database_file(url)
    if file is None:
        return engines.reading(url, DatabaseTiming(busy_timeout=busy_timeout), connections)
    path = file.path

    def opening(_path: str, **options: Any) -> SqliteConnection:
        readings.append(FileReading(path))
        return connections.opening(readings[-1].uri, **options, uri=True)

    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        poolclass=NullPool,
        hide_parameters=True,  # its errors are logged
        connect_args={"async_creator_fn": opening},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


async def schema_versions(tx: Transaction) -> tuple[str | None, str]:
    """Return the database's schema, None if it is empty, and the one that this version makes of it."""
    return await tx.run_sync(known_revision), newest()


async def missing_parts(tx: Transaction) -> list[str]:
    """Return the tables (`vote`) and columns (`vote.user`) that a database of the newest schema lacks."""
    return await tx.run_sync(_missing_parts)


def _missing_parts(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    missing = []
    for table in metadata.sorted_tables:
        if table.name not in present:
            missing.append(table.name)
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        missing += [f"{table.name}.{column.name}" for column in table.columns if column.name not in columns]
    return missing


async def quick_check(tx: Transaction) -> list[str]:
    """Return what SQLite finds damaged, in its own words; nothing of a sound database."""
    try:
        found = [str(line) for line in (await tx.exec_driver_sql("PRAGMA quick_check(5)")).scalars()]
    except DatabaseError as error:  # so damaged that the check itself fails
        return [str(error.orig)]
    return [] if found == ["ok"] else found


async def newest_moment(tx: Transaction) -> float | None:
    """Return the newest time, in seconds since 1970, at which anything was written; None if nothing was."""
    moments: list[float] = []
    for table in metadata.sorted_tables:
        for column in table.columns:
            if not isinstance(column.type, Float):
                continue
            if column.name in ("at", "heartbeat") or column.name.endswith("_at"):
                found = (await tx.execute(select(func.max(column)))).scalar_one()
                moments += [] if found is None else [float(found)]
    return max(moments, default=None)


async def seconds_ahead(tx: Transaction) -> float | None:
    """Return how many seconds this host's clock is ahead of the database's; negative if it is behind.

    It may be wrong by half of the time that the question takes. Return None for SQLite: this host's clock is
    the one that it reads.
    """
    if tx.dialect.name == "sqlite":
        return None
    before = time.time()
    there: float = (await tx.execute(select(clock.now()))).scalar_one()
    return (before + time.time()) / 2 - there


def writer_of(file: DatabaseFile) -> int | None:
    """Return the process that holds the lock for writing at this moment; None if none does, or none is seen.

    Read from Linux's own list: to open the files here would drop the locks that this process has on them.
    """
    try:
        lines = _PROC_LOCKS.read_text(encoding="ascii").splitlines()
        held = {path.stat().st_ino: byte for path, byte in _lock_bytes(file) if path.exists()}
    except (OSError, UnicodeDecodeError):
        return None
    for line in lines:
        words = line.split()  # 1: POSIX ADVISORY WRITE 4711 08:01:131 120 120
        if len(words) != 8 or words[3] != "WRITE":
            continue
        byte = held.get(int(words[5].rpartition(":")[2]))
        end = sys.maxsize if words[7] == "EOF" else int(words[7])
        if byte is not None and int(words[6]) <= byte <= end:
            return int(words[4])
    return None


def sees_locks() -> bool:
    """Return whether this system tells who holds a lock."""
    return _PROC_LOCKS.exists()


def _lock_bytes(file: DatabaseFile) -> tuple[tuple[Path, int], ...]:
    return (file.shared_memory, _WAL_WRITE_LOCK), (file.path, _RESERVED_LOCK)
