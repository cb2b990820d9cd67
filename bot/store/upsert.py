"""Insert a row, or put it in the place of the one with the same key."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

# of one shape, but without a base that says so
_INSERTS: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@cache
def upsert(table: Table, dialect: str, newer_by: str | None = None) -> Insert:
    """The statement for rows of a table; with newer_by, one that is older by this column changes nothing."""
    statement = _INSERTS[dialect](table)
    key = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
    where = statement.excluded[newer_by] >= table.c[newer_by] if newer_by else None
    upserting: Insert = statement.on_conflict_do_update(index_elements=key, set_=values, where=where)
    return upserting
