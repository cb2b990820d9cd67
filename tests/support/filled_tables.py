"""Rows for every table of the schema, whatever there is: derived from columns and constraints."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, Table, UniqueConstraint

from bot.i18n.message import LocalizedMessage
from bot.store.copying.values import kind_of
from bot.store.schema import metadata
from bot.store.types import MessageColumn

ROWS = 3

# what two databases might store or sort otherwise, by kind and row
_VALUES: Mapping[str, Sequence[Any]] = {
    "boolean": (True, False, True),
    "json": ({"b": [1, 2.5, None, True], "a": "\u00e4\0\ud83d"}, [], "text"),
    "real": (1_764_000_000.123456, -0.0, 1e-300),
    "integer": (7, -7, 2_000_000_000),
    "text": ('Zo\u00eb \U0001f9b8 said:\t"no"\r\n\\', "", "ab\u2028c"),
}
_KEYS = ("b", "A", "\u00e4", "a")  # whose order differs by collation


def fill(connection: Connection) -> None:
    """Insert rows into every table. What may be NULL is NULL in the last one."""
    for table in metadata.sorted_tables:
        for number in range(ROWS):
            connection.execute(table.insert().values(_row(table, number)))


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(column, number) for column in table.columns}


def _value(column: Column[Any], number: int) -> Any:
    if column.nullable and number == ROWS - 1:
        return None
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return _value(key.column, number)
    if allowed := _allowed(column):
        return allowed[number % len(allowed)]
    if column.primary_key or column.unique or _is_in_unique(column):
        return _distinct(column, number)
    if isinstance(column.type, MessageColumn):
        return LocalizedMessage("{count} of {name}", count=number, name=_VALUES["text"][number])
    value = _VALUES[kind_of(column)][number]
    length = getattr(column.type, "length", None)
    return value[:length] if length else value


def _allowed(column: Column[Any]) -> list[str]:
    """Return the values that a check names: state IN ('queued', 'running')."""
    for each in column.table.constraints:
        if isinstance(each, CheckConstraint):
            name, _, values = str(each.sqltext).partition(" IN ")
            if name == column.name:
                return re.findall("'([^']*)'", values)
    return []


def _is_in_unique(column: Column[Any]) -> bool:
    constraints = [each for each in column.table.constraints if isinstance(each, UniqueConstraint)]
    indexes = [each for each in column.table.indexes if each.unique]
    groups = [*(each.columns for each in constraints), *(each.columns for each in indexes)]
    return any(column.name in columns for columns in groups)


def _distinct(column: Column[Any], number: int) -> Any:
    if kind_of(column) == "integer":
        return (2**62 if isinstance(column.type, BigInteger) else 1) + number
    if kind_of(column) == "boolean":
        return True
    return f"{_KEYS[number]}{number}"
