"""What an unfinished copy notes in its target: from where it is, and how far each table has come.

As long as it is there, the database has no revision that the bot takes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, Text, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.migrate import UNFINISHED_COPY, migrate, newest
from bot.store.postgres import check_server
from bot.store.schema import metadata

_NOTES = Table(
    "unfinished_copy",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
_VERSION = table("alembic_version", column("version_num"))
_REACHED = "reached "  # before the name of a table


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a table has come: the key of its last row, and the number of its rows."""

    key: Sequence[Any]
    rows: int


@dataclass(frozen=True, slots=True)
class Notes:
    """What an unfinished copy notes. source: its place; fingerprint: what it held when the copy began."""

    source: str
    fingerprint: str
    schema: str
    reached: Mapping[str, Reached] = field(default_factory=dict)


def is_noted(connection: Connection) -> bool:
    """Return whether a database is an unfinished copy."""
    return inspect(connection).has_table(_NOTES.name)


async def read_notes(connection: AsyncConnection) -> Notes:
    """Return what an unfinished copy notes."""
    noted = {str(row.name): str(row.value) for row in await connection.execute(select(_NOTES))}
    reached = {
        name.removeprefix(_REACHED): Reached(**json.loads(value))
        for name, value in noted.items()
        if name.startswith(_REACHED)
    }
    return Notes(noted["source"], noted["fingerprint"], noted["schema"], reached)


def begin(connection: Connection, source: str, fingerprint: str) -> None:
    """Create the tables, unless they are there, and let the database be an unfinished copy without rows."""
    if not is_noted(connection):
        if connection.dialect.name == "postgresql":
            check_server(connection)
        migrate(connection)
        _NOTES.create(connection)
        connection.execute(_VERSION.update().values(version_num=UNFINISHED_COPY))
    else:
        _empty(connection)
        connection.execute(_NOTES.delete())
    noted = {"source": source, "fingerprint": fingerprint, "schema": newest()}
    connection.execute(_NOTES.insert(), [{"name": name, "value": value} for name, value in noted.items()])


async def note_reached(connection: AsyncConnection, name: str, reached: Reached) -> None:
    """Note how far a table has come, in the transaction that writes its rows."""
    noted = {
        "name": f"{_REACHED}{name}",
        "value": json.dumps({"key": list(reached.key), "rows": reached.rows}),
    }
    await connection.execute(_NOTES.delete().where(_NOTES.c.name == noted["name"]))
    await connection.execute(_NOTES.insert(), noted)


async def note_difference(connection: AsyncConnection) -> None:
    """Note that the rows are not those of the source, so that the next copy begins from the start."""
    await connection.execute(_NOTES.update().where(_NOTES.c.name == "fingerprint").values(value=""))


def finish(connection: Connection) -> None:
    """Let the database be a complete one, which the bot takes, and whose next rows have free numbers."""
    if connection.dialect.name == "postgresql":
        _set_sequences(connection)
    _NOTES.drop(connection)
    connection.execute(_VERSION.update().values(version_num=newest()))


def _set_sequences(connection: Connection) -> None:
    for each in metadata.sorted_tables:
        for key in each.primary_key.columns:
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:name, :key)"),
                {"name": f'"{each.name}"', "key": key.name},
            ).scalar_one()
            largest = (
                connection.execute(select(key).order_by(key.desc()).limit(1)).scalar() if sequence else None
            )
            if largest is not None:
                connection.execute(
                    text("SELECT setval(:name, :largest)"), {"name": sequence, "largest": largest}
                )


def _empty(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # at once, whatever refers to what
        connection.execute(text("TRUNCATE " + ", ".join(f'"{each.name}"' for each in metadata.sorted_tables)))
        return
    for each in reversed(metadata.sorted_tables):
        connection.execute(each.delete())
