"""What a table holds, in two figures: its number of rows, and a hash that no database's ways change."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Table, func, literal, select, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from bot.store.copying.values import adapt, hash_page, read_page, stored_type
from bot.store.schema import metadata

PAGE_ROWS = 4000  # some 10 MB of the longest texts
_HASHES = 2**256

Advanced = Callable[[str, int, int], None]
"""Called with a table's name, and how many rows of how many in all tables are done."""


@dataclass(frozen=True, slots=True)
class TableDigest:
    """A table's rows. changed: how many of them a target cannot store as they are."""

    rows: int
    hash: str
    changed: int = 0


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {
        table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for table in metadata.sorted_tables
    }


async def digest_tables(
    connection: AsyncConnection, advanced: Advanced, *, stored_in: str | None = None
) -> dict[str, TableDigest]:
    """Read all tables, and return what each holds, in an order in which rows can be inserted.

    stored_in: the database that is to hold them, whose digests these are to be.
    """
    total = sum((await count_rows(connection)).values())
    digests: dict[str, TableDigest] = {}
    done = 0
    for table in metadata.sorted_tables:
        rows = changed = hashes = 0
        async for page in read_pages(connection, table):
            values = read_page(table, page)
            if stored_in:
                values, adapted = adapt(table, values, stored_in)
                changed += adapted
            hashes += hash_page(table, values)
            rows += len(page)
            advanced(table.name, done + rows, total)
        done += rows
        digests[table.name] = TableDigest(rows, f"{hashes % _HASHES:064x}", changed)
    return digests


def fingerprint(digests: Mapping[str, TableDigest]) -> str:
    """Return a hash of all tables together."""
    lines = [f"{name} {each.rows} {each.hash}\n" for name, each in sorted(digests.items())]
    return sha256("".join(lines).encode()).hexdigest()


async def read_pages(
    connection: AsyncConnection, table: Table, after: Sequence[Any] | None = None
) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """Yield the rows of a table as the driver returns them, in the order of its key, a page at a time.

    after: the key of the last row that is not wanted.
    """
    keys = list(table.primary_key.columns)
    positions = [list(table.columns).index(key) for key in keys]
    query = (
        # without a type, SQLAlchemy leaves the driver's values as they are
        select(*(type_coerce(column, NullType()).label(column.name) for column in table.columns))
        .order_by(*keys)
        .limit(PAGE_ROWS)
    )
    while True:
        bounded = query if after is None else query.where(_is_after(keys, after))
        page = (await connection.execute(bounded)).all()
        if page:
            yield page
        if len(page) < PAGE_ROWS:
            return
        after = [page[-1][at] for at in positions]


def key_of(table: Table, row: Sequence[Any]) -> list[Any]:
    """Return the values of a row's primary key."""
    return [value for column, value in zip(table.columns, row, strict=True) if column.primary_key]


def _is_after(keys: Sequence[Any], values: Sequence[Any]) -> Any:
    # as the driver returned them: the type would take U+0000 out of a text, and its row would come again
    bounds = [literal(value, stored_type(key)) for key, value in zip(keys, values, strict=True)]
    return keys[0] > bounds[0] if len(keys) == 1 else tuple_(*keys) > tuple_(*bounds)
