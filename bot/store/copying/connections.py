"""One connection to each end of a copy."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from bot.store.copying.end import End
from bot.store.postgres import set_up_sessions
from bot.store.read_only import FileReading
from bot.store.sqlite_connection import Connections

_APPLICATION = "herosmith db copy"
_TIMEOUT = 10.0  # seconds to connect to a server
_BUSY = 15.0  # seconds to wait for another program's lock


@asynccontextmanager
async def open_reading(end: End, reading: FileReading | None) -> AsyncIterator[AsyncConnection]:
    """Connect for reading. reading: of an SQLite file, beside which nothing is left."""
    url = f"sqlite+aiosqlite:///{reading.uri}&uri=true" if reading else end.url
    async with _connected(url, "BEGIN", ["query_only=ON"]) as connection:
        yield connection


@asynccontextmanager
async def open_writing(end: End) -> AsyncIterator[AsyncConnection]:
    """Connect for writing; an SQLite file is made if there is none.

    SQLite's foreign keys are not enforced, as migrations need it: the rows are those of a sound database, and
    compared with it in the end.
    """
    pragmas = ["synchronous=FULL", "foreign_keys=OFF"]
    if end.path:
        end.path.parent.mkdir(parents=True, exist_ok=True)
        if not end.path.exists():  # the mode stays in the file, which may be another program's
            pragmas.append("journal_mode=WAL")
    async with _connected(end.url, "BEGIN IMMEDIATE", pragmas) as connection:
        yield connection


def _server_options() -> dict[str, Any]:
    from bot.store.postgres_connection import connect_args  # noqa: PLC0415 (the driver is an extra)

    return connect_args(_TIMEOUT) | {"server_settings": {"application_name": _APPLICATION}}


@asynccontextmanager
async def _connected(url: str, begin: str, pragmas: list[str]) -> AsyncIterator[AsyncConnection]:
    connections = Connections(_BUSY)
    is_sqlite = url.startswith("sqlite")
    options = {"async_creator_fn": connections.opening} if is_sqlite else _server_options()
    engine = create_async_engine(
        url,
        hide_parameters=True,
        poolclass=NullPool,
        connect_args=options,
        json_deserializer=str,  # JSON stays the text that it is
    )
    if is_sqlite:

        @event.listens_for(engine.sync_engine, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None
            cursor = connection.cursor()
            for pragma in (f"busy_timeout={int(_BUSY * 1000)}", *pragmas):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)
    else:
        set_up_sessions(engine, {})

    async with AsyncExitStack() as stack:
        stack.push_async_callback(connections.end)
        stack.push_async_callback(engine.dispose)
        yield await stack.enter_async_context(engine.connect())
