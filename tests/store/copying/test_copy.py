"""A database is copied to another one of either kind: all of it, once, and into what may be written to."""

import asyncio
import signal
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from bot.errors import StoreError
from bot.settings import ROOT
from bot.store.copying import digest
from bot.store.copying.digest import PAGE_ROWS
from bot.store.copying.values import kind_of
from bot.store.database import open_database
from bot.store.schema import metadata
from tests.support.copies import (
    KINDS,
    WAYS,
    Kind,
    Places,
    add_votes,
    change,
    checked,
    copied,
    execute,
    interrupt,
    opened,
    path_of,
)
from tests.support.filled_tables import ROWS


def rows_of(url: str) -> dict[str, list[str]]:
    """Return the rows of all tables as the bot reads them. SQLite has no -0.0."""

    def read(connection: Connection) -> dict[str, list[str]]:
        return {
            table.name: sorted(repr(row).replace("-0.0", "0.0") for row in connection.execute(table.select()))
            for table in metadata.sorted_tables
        }

    rows: dict[str, list[str]] = change(url, read)
    return rows


def test_every_column_is_of_a_kind_that_a_copy_knows() -> None:
    for table in metadata.sorted_tables:
        assert table.primary_key.columns, f"{table} is read in the order of its key"
        for column in table.columns:
            kind_of(column)


@pytest.mark.parametrize(("source_kind", "target_kind"), WAYS)
def test_every_table_is_copied_to_every_kind(places: Places, source_kind: Kind, target_kind: Kind) -> None:
    source, target = places.filled(source_kind), places.empty(target_kind)
    before = checked(source)

    done = copied(source, target)

    assert done.equal
    assert done.tables.keys() == metadata.tables.keys()
    assert {name: each.source.rows for name, each in done.tables.items()} == dict.fromkeys(
        metadata.tables, ROWS
    )
    assert done.written == ROWS * len(metadata.tables)
    assert checked(target) == before == checked(source)
    assert rows_of(target) == rows_of(source)


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_is_a_database_that_the_bot_opens_and_writes_to(places: Places, kind: Kind) -> None:
    target = places.empty(kind)
    copied(places.filled("sqlite"), target)

    async def insert() -> dict[str, int]:
        made = {}
        async with open_database(target) as db, db.write() as tx:
            for table in metadata.sorted_tables:
                (key, *others) = table.primary_key.columns
                if others or key.autoincrement is False or kind_of(key) != "integer" or key.foreign_keys:
                    continue
                last = (await tx.execute(table.select().order_by(key.desc()).limit(1))).mappings().one()
                values = {**last, **_OTHER_VALUES.get(table.name, {})}
                del values[key.name]
                inserted = await tx.execute(table.insert().values(values))
                assert inserted.inserted_primary_key
                made[table.name] = inserted.inserted_primary_key[0] - last[key.name]
        return made

    made = asyncio.run(insert())
    assert {"description", "job", "model", "season"} <= made.keys()
    assert set(made.values()) == {1}
    leftover = change(target, lambda connection: inspect(connection).has_table("unfinished_copy"))
    assert not leftover


# with which a row may stand beside those that are there
_OTHER_VALUES: dict[str, dict[str, Any]] = {
    "example": {"key": "another"},
    "job": {"state": "cancelled"},
    "dataset": {"content_hash": "another"},
    "model": {"name": "another"},
    "notice": {"key": "another"},
    "ranked_text": {"key": "another"},
    "season": {"number": 99, "ended_at": 1.0},
}


@pytest.mark.parametrize(("source_kind", "target_kind"), WAYS[:3])
def test_a_copy_that_was_killed_is_gone_on_with_by_the_same_command(
    places: Places, source_kind: Kind, target_kind: Kind
) -> None:
    source, target = places.filled(source_kind), places.empty(target_kind)
    add_votes(source, 2 * PAGE_ROWS + 1)
    # while the tables are made, between two tables, in the second page of votes
    steps = (("reading", "vote"), ("copying", "description"), ("copying", "vote"))
    assert [kill_after(source, target, *step) for step in steps] == [-signal.SIGKILL] * 3

    with pytest.raises(
        StoreError, match="is a copy that was not finished: start the same `herosmith db copy`"
    ):
        asyncio.run(opened(target))
    done = copied(source, target)

    assert done.equal
    assert done.there_before > PAGE_ROWS
    assert done.there_before + done.written == sum(each.source.rows for each in done.tables.values())
    assert checked(source) == checked(target)
    again = copied(source, target)
    assert (again.equal, again.written) == (True, 0)


def kill_after(source: str, target: str, doing: str, table: str) -> int:
    """Copy in a process that is killed before the commit that follows this step. Return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.killed_copy", source, target, doing, table],
        cwd=ROOT,
        check=False,
        timeout=120,
    ).returncode


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_has_changed_since_is_copied_anew(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.empty(kind)
    interrupt(source, target, "copying", "description")
    execute(source, "DELETE FROM vote WHERE voter = (SELECT min(voter) FROM vote)")
    execute(source, "UPDATE description SET text = 'Another text.' WHERE id = 1")

    done = copied(source, target)

    assert (done.equal, done.anew, done.there_before) == (True, True, 0)
    assert checked(source) == checked(target)


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_empty_tables_is_taken(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.migrated(kind)
    assert copied(source, target).equal


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_differs_is_not_taken_by_the_bot_and_copied_anew(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.empty(kind)
    interrupt(source, target, "comparing", "dataset")
    execute(target, "UPDATE description SET text = 'Not the same.' WHERE id = 2")

    done = copied(source, target)

    assert not done.equal
    assert [name for name, each in done.tables.items() if not each.equal] == ["description"]
    with pytest.raises(StoreError, match="is a copy that was not finished"):
        asyncio.run(opened(target))
    again = copied(source, target)
    assert (again.equal, again.anew) == (True, True)


def test_a_key_with_nul_at_the_end_of_a_page_is_read_once(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for without that sign, its row would be the next one again, for ever."""
    monkeypatch.setattr(digest, "PAGE_ROWS", 1)
    source = places.migrated("sqlite")
    execute(source, "INSERT INTO power (power, at) VALUES ('flight' || char(0), 0.5), ('water', 0.5)")
    done = copied(source, places.empty("sqlite"))
    assert (done.equal, done.tables["power"].target.rows) == (True, 2)


def test_the_source_is_left_as_it_was(places: Places) -> None:
    source = places.filled("sqlite")
    before = path_of(source).read_bytes()
    copied(source, places.empty("sqlite"))
    assert path_of(source).read_bytes() == before
    assert [each.name for each in path_of(source).parent.glob(f"{path_of(source).name}*")] == [
        path_of(source).name
    ]


def test_what_a_killed_bot_left_in_the_log_is_copied(places: Places) -> None:
    source, target = places.filled("sqlite"), places.empty("sqlite")
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA journal_mode=WAL')\n"
        "connection.execute(\"UPDATE description SET text = 'in the log' WHERE id = 1\")\n"
        "connection.commit()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path_of(source))], check=True)
    assert path_of(source).with_name(f"{path_of(source).name}-wal").stat().st_size
    assert copied(source, target).equal
    (text_copied,) = change(
        target, lambda connection: connection.execute(text("SELECT text FROM description WHERE id = 1")).one()
    )
    assert text_copied == "in the log"
