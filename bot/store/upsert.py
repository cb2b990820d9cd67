"""Insert rows, replacing or leaving alone those with the same primary key."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.database import Transaction

# they have the same methods, but no common base class with them
_INSERTS: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


async def upsert(
    tx: Transaction, table: Table, rows: Sequence[tuple[Any, ...]], *, newer_by: str | None = None
) -> None:
    """Insert or replace rows, whose values are in the order of the table's columns.

    With newer_by, a row that is older by this column than the stored one changes nothing. The values are
    handed to the driver as they are: for thousands of rows, SQLAlchemy's processing costs more than writing.
    """
    if rows:
        await tx.exec_driver_sql(_statement(table, tx.dialect, newer_by), list(rows))


async def insert_new(tx: Transaction, table: Table, **values: Any) -> bool:
    """Insert a row. Return False, and change nothing, if there is one with this primary key."""
    insert = _INSERTS[tx.dialect.name](table).values(**values).on_conflict_do_nothing()
    return bool((await tx.execute(insert)).rowcount)


@cache
def _statement(table: Table, dialect: Dialect, newer_by: str | None) -> str:
    insert = _INSERTS[dialect.name](table)
    key = [column.name for column in table.primary_key]
    values = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    where = insert.excluded[newer_by] >= table.c[newer_by] if newer_by else None
    query = insert.on_conflict_do_update(index_elements=key, set_=values, where=where)
    return str(query.compile(dialect=dialect))
