"""Insert rows, replacing or leaving alone those with the same primary key."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import sqlite

from bot.store.database import Transaction


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
    insert = insert_or(tx.dialect, table).values(**values).on_conflict_do_nothing()
    return bool((await tx.execute(insert)).rowcount)


def insert_or(dialect: Dialect, table: Table) -> Any:
    """Return an insert with on_conflict_...(): the dialects' have these methods, but no common base class."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 (3 MiB that SQLite does without)

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def _statement(table: Table, dialect: Dialect, newer_by: str | None) -> str:
    insert = insert_or(dialect, table)
    key = [column.name for column in table.primary_key]
    values = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    where = insert.excluded[newer_by] >= table.c[newer_by] if newer_by else None
    query = insert.on_conflict_do_update(index_elements=key, set_=values, where=where)
    return str(query.compile(dialect=dialect))
