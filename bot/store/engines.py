"""SQLAlchemy's engines for a database's address: how its sessions and transactions are set up."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, PoolResetState

from bot.store import postgres
from bot.store.address import parse_address
from bot.store.sqlite_connection import Connections
from bot.store.timing import DatabaseTiming


def writing_and_reading(
    url: str, timing: DatabaseTiming, connections: Connections
) -> tuple[AsyncEngine, AsyncEngine]:
    """Return the writing engine, which has one connection, and the reading one.

    Raises SQLAlchemyError, ImportError or OSError if there can be none.
    """
    writer = _engine(url, timing, connections, pool_size=1, max_overflow=0)
    reader = _engine(url, timing, connections, pool_size=4)
    if path := writer.url.database if _is_sqlite(writer) else None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    _tune(writer, timing, writes=True)
    _tune(reader, timing, writes=False)
    return writer, reader


def migrating(url: str, timing: DatabaseTiming, connections: Connections) -> AsyncEngine:
    """Return an engine for a migration, which does not enforce foreign keys in SQLite.

    Of several processes that start, the first one migrates, and the others wait for it with patience.
    """
    engine = _engine(url, timing, connections, poolclass=NullPool)
    if _is_sqlite(engine):
        _tune_sqlite(engine, timing.busy_timeout, begin="BEGIN IMMEDIATE", foreign_keys="OFF")
    else:
        postgres.tune(engine, busy_timeout=timing.patience, stalled_after=None, writes=True)
        postgres.limit_later_locks(engine, timing.busy_timeout)
    return engine


def reading(url: str, timing: DatabaseTiming, connections: Connections) -> AsyncEngine:
    """Return an engine that reads a database server, over a connection for each transaction."""
    engine = _engine(url, timing, connections, poolclass=NullPool)
    _tune(engine, timing, writes=False)
    return engine


def _engine(url: str, timing: DatabaseTiming, connections: Connections, **options: Any) -> AsyncEngine:
    driver = parse_address(url).drivername
    if driver == "sqlite+aiosqlite":
        options["connect_args"] = {"async_creator_fn": connections.opening}
        options["pool_reset_on_return"] = None  # _tune_sqlite() rolls back where there is something to
    elif driver == "postgresql+asyncpg":
        from bot.store.postgres_connection import connect_args  # noqa: PLC0415 (the driver is an extra)

        options["connect_args"] = connect_args(timing.connect_timeout)
    # its errors are logged, and parameters are texts and ids of people
    return create_async_engine(url, hide_parameters=True, **options)


def _is_sqlite(engine: AsyncEngine) -> bool:
    return engine.url.get_backend_name() == "sqlite"


def _tune(engine: AsyncEngine, timing: DatabaseTiming, *, writes: bool) -> None:
    if _is_sqlite(engine):
        _tune_sqlite(engine, timing.busy_timeout, begin="BEGIN IMMEDIATE" if writes else "BEGIN")
    else:
        # what only reads may take its time between two queries: it is in nobody's way
        stalled_after = timing.stalled_after if writes else None
        postgres.tune(engine, busy_timeout=timing.busy_timeout, stalled_after=stalled_after, writes=writes)


def _tune_sqlite(engine: AsyncEngine, busy_timeout: float, *, begin: str, foreign_keys: str = "ON") -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's events below begin transactions, not the driver
        cursor = connection.cursor()
        # busy_timeout first: the change to WAL may have to wait for another process, too
        milliseconds = int(busy_timeout * 1000)
        for pragma in (f"busy_timeout={milliseconds}", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA foreign_keys={foreign_keys}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "reset")
    def _reset(connection: Any, _record: Any, state: PoolResetState) -> None:
        # Every transaction ends with its block. To roll back once more in any case, as pools do, is one call
        # in four to SQLite's thread.
        if state.asyncio_safe and connection.driver_connection.in_transaction:
            connection.rollback()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
