"""The values of rows as every database has them, and as they are hashed: equal content, equal hash.

Values are handled by column, a page at a time: most columns need one look at all their types.
"""

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Table, TypeDecorator
from sqlalchemy.types import TypeEngine

Values = Sequence[Any]
Page = list[Values]  # the values of one column after the other


class Uncopyable(Exception):
    """Values cannot be copied. The text continues the sentence that begins with the database's name."""


_NONE = type(None)
_LARGEST_CACHED = 1000  # characters
_encode = json.JSONEncoder(separators=(",", ":")).encode


def stored_type(column: Column[Any]) -> TypeEngine[Any]:
    """Return the type of a column without what the bot makes of its values."""
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def kind_of(column: Column[Any]) -> str:
    """Return what a column holds: boolean, json, real, integer or text. Raises TypeError for a new kind."""
    declared = stored_type(column)
    for kind, of_type in _KINDS.items():
        if isinstance(declared, of_type):
            return kind
    raise TypeError(f"no copy knows how to store {column.type!r} of {column}: add it to {__name__}")


_KINDS: dict[str, type[Any]] = {
    "boolean": Boolean,
    "json": JSON,
    "real": Float,
    "integer": Integer,
    "text": String,
}
_TYPES: dict[str, set[type[Any]]] = {
    "boolean": {bool, int, _NONE},
    "json": {str, _NONE},
    "real": {float, int, _NONE},
    "integer": {int, _NONE},
    "text": {str, _NONE},
}


def read_page(table: Table, rows: Sequence[Sequence[Any]]) -> Page:
    """Return the values of rows by column, as every database has them. JSON stays the text that it is.

    Raises Uncopyable if a value is not of its column's kind: SQLite keeps whatever another program writes.
    """
    return [
        _read(column, values) for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
    ]


def _read(column: Column[Any], values: Values) -> Values:
    kind = kind_of(column)
    types = set(map(type, values))
    if types - _TYPES[kind] or (kind == "boolean" and not set(values) <= {0, 1, None}):
        raise Uncopyable(
            f"has a value in {column} that is no {kind}: another program has written it. Correct it, or put "
            "a backup in its place."
        )
    if kind == "boolean" and int in types:
        return [None if value is None else bool(value) for value in values]
    if kind == "real" and int in types:
        return [None if value is None else float(value) for value in values]
    return values


def adapt(table: Table, page: Page, backend: str) -> tuple[Page, int]:
    """Return a page as a database can store it, and how many of its rows had to be changed for that.

    PostgreSQL stores no U+0000 in texts, which is taken out; SQLite stores no NaN, which becomes NULL.
    """
    without, kind = (_without_nul, "text") if backend == "postgresql" else (_without_nan, "real")
    changed = set[int]()
    adapted = []
    for column, values in zip(table.columns, page, strict=True):
        new = without(values) if kind_of(column) == kind else values
        if new is not values:
            changed |= {at for at, (old, now) in enumerate(zip(values, new, strict=True)) if old is not now}
        adapted.append(new)
    return adapted, len(changed)


def _without_nul(values: Values) -> Values:
    if not any("\0" in value for value in values if value is not None):
        return values
    return [value.replace("\0", "") if value is not None and "\0" in value else value for value in values]


def _without_nan(values: Values) -> Values:
    if not any(value != value for value in values):  # noqa: PLR0124 (only NaN differs from itself)
        return values
    return [None if value is not None and math.isnan(value) else value for value in values]


def hash_page(table: Table, page: Page) -> int:
    """Return the sum of the hashes of a page's rows: a sum does not depend on the order of the rows."""
    hashed = [
        _HASHED.get(kind_of(column), _as_is)(values)
        for column, values in zip(table.columns, page, strict=True)
    ]
    return sum(int.from_bytes(sha256(_encode(row).encode()).digest()) for row in zip(*hashed, strict=True))


def _as_is(values: Values) -> Values:
    return values


def _hashed_reals(values: Values) -> Values:
    return [None if value is None else value + 0.0 for value in values]  # -0.0, which SQLite turns into 0.0


def _hashed_json(values: Values) -> Values:
    return [None if value is None else _canonical(value) for value in values]


def _canonical(text: str) -> str:
    return _cached_canonical(text) if len(text) < _LARGEST_CACHED else _canonical_json(text)


def _canonical_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return text


_cached_canonical = lru_cache(maxsize=1000)(_canonical_json)  # options of requests are the same in many rows
_HASHED: dict[str, Callable[[Values], Values]] = {"real": _hashed_reals, "json": _hashed_json}
