"""The database that a copy goes to: taken if it is empty, or half copied from the same source."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.copy_lock import hold_alone
from bot.store.copying.connections import open_writing
from bot.store.copying.digest import count_rows
from bot.store.copying.end import End
from bot.store.copying.unfinished import Notes, is_noted, read_notes
from bot.store.faults import opening_error
from bot.store.migrate import known_revision, newest

State = Literal["empty", "unfinished", "full"]


@dataclass(frozen=True, slots=True)
class Target:
    """A database to copy to. notes: of an unfinished copy; rows: of a full one, by table."""

    end: End
    connection: AsyncConnection
    state: State
    notes: Notes | None = None
    rows: Mapping[str, int] | None = None


@asynccontextmanager
async def open_target(end: End, source: AsyncConnection) -> AsyncIterator[Target]:
    """Open a database, whatever it holds, and change nothing yet.

    Raises StoreError if it cannot be a target.
    """
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(open_writing(end))
            if end.backend == "postgresql":
                await _check_other(source, connection)
                await hold_alone(connection)
            async with connection.begin():
                target = await _target(end, connection)
        except (SQLAlchemyError, StoreError, OSError) as error:
            raise opening_error(end.url, error) from error
        yield target


async def _target(end: End, connection: AsyncConnection) -> Target:
    if await connection.run_sync(is_noted):
        notes = await read_notes(connection)
        if notes.schema != newest():
            raise StoreError(
                f"is a copy that another version began (schema {notes.schema}; this version has "
                f"{newest()}): name an empty database, or make this one anew."
            )
        return Target(end, connection, "unfinished", notes)
    revision = await connection.run_sync(known_revision)
    if revision is None:
        return Target(end, connection, "empty")
    if revision != newest():
        raise StoreError(
            f"is in use by another version (schema {revision}; this version has {newest()}): name an empty "
            "database."
        )
    rows = await count_rows(connection)
    return Target(end, connection, "full" if any(rows.values()) else "empty", rows=rows)


async def _check_other(source: AsyncConnection, target: AsyncConnection) -> None:
    """Raise StoreError if both are the same database of a server, by whatever address."""
    if source.dialect.name != "postgresql":
        return
    query = "SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()"
    one, other = [(await each.exec_driver_sql(query)).one() for each in (source, target)]
    if tuple(one) == tuple(other):
        raise StoreError("is the source as well: name another one to copy to.")
