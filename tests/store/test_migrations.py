"""Every schema that a version had is migrated with rows in each of its tables, and copied before that."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from bot.errors import StoreError
from bot.store import jobs, migrations, models, notifications, trials
from bot.store.database import open_database
from bot.store.migrate import migrate, newest
from bot.store.schema import metadata
from bot.store.snapshot import read_schema
from bot.store.upgrade_copy import KEPT

pytestmark = pytest.mark.sqlite("its file is copied before a migration")

_SCRIPTS = ScriptDirectory(str(Path(migrations.__file__).parent))
REVISIONS = sorted(script.revision for script in _SCRIPTS.walk_revisions())
_MESSAGES_SINCE = "0006"  # the schema from which on these columns have messages as JSON
_MESSAGES = {("job", "phase"), ("job", "question"), ("job", "error"), ("notice", "text")}
_ALLOWED = re.compile(r"\b(\w+) IN \(([^)]*)\)")
ROWS = 2  # of each table


def make(path: Path, revision: str) -> None:
    """Make a database of a schema, with rows in each table."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as migrating:
        migrate(migrating, revision)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys=OFF")  # tables are filled in any order
        for table in tables(connection):
            for number in range(ROWS):
                row = dict(values(connection, table, number, revision))
                names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
                connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', (*row.values(),))  # noqa: S608
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('alembic_version')"
    return [name for (name,) in connection.execute(query)]


def values(
    connection: sqlite3.Connection, table: str, number: int, revision: str
) -> Iterator[tuple[str, Any]]:
    """Yield the columns of one row; those that refer to another table refer to its row of this number."""
    query = "SELECT sql FROM sqlite_master WHERE name = ?"
    allowed = dict(_ALLOWED.findall(connection.execute(query, (table,)).fetchone()[0]))
    by_name: dict[str, object] = {
        "emoji": "👍👎"[number],
        "value": (1, -1)[number],
        "action": f"promote:{number + 1}",
    }
    by_name["verdict"] = None
    for column in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
        name = column["name"]
        if name in allowed:
            choices = re.findall(r"'([^']*)'", allowed[name])
            yield name, choices[number % len(choices)]
        elif (table, name) in _MESSAGES and revision >= _MESSAGES_SINCE:
            yield name, f'{{"say": "message {number}"}}'
        else:
            yield name, by_name[name] if name in by_name else value_of(column["type"], name, number)


def value_of(kind: str, name: str, number: int) -> object:
    """Return a value of a column's type."""
    kinds = {"JSON": "{}", "BOOLEAN": number % 2, "FLOAT": number + 1.5}
    if kind in kinds:
        return kinds[kind]
    return number + 1 if "INT" in kind else f"{number} {name}"[:8]


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows by table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]  # noqa: S608
            for table in tables(connection)
        }


def copies(folder: Path) -> list[Path]:
    """Return what was copied before a migration, finished or not."""
    return sorted(folder.glob("*before-upgrade*"))


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_of_every_table_are_kept(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "hero.db"
    make(path, revision)
    before = rows(path)
    assert all(len(found) == ROWS for found in before.values())

    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        async with db.read() as tx:
            assert (await tx.execute(text("PRAGMA foreign_key_check"))).all() == []
            differences = await tx.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
            )
            assert differences == []
            # what the product reads of them
            assert len(await models.list_all(tx)) == ROWS
            assert [job.id for job in await jobs.recent(tx, 10)]
            assert all(each.text for each in await notifications.list_pending(tx))
            assert await trials.list_by_model(tx, 1) is not None
        async with db.write() as tx:
            await tx.execute(text("UPDATE job SET heartbeat = 1"))

    after = rows(path)
    for table, found in before.items():
        assert len(after[table]) >= len(found), table
        for row in found:
            kept = {name: value for name, value in row.items() if (table, name) not in _MESSAGES}
            kept.pop("heartbeat", None)
            assert any(kept.items() <= each.items() for each in after[table]), (table, kept)


async def test_trials_of_before_keep_the_test_with_which_they_began(tmp_path: Path) -> None:
    path = tmp_path / "hero.db"
    make(path, "0015")
    async with open_database(f"sqlite+aiosqlite:///{path}") as db, db.read() as tx:
        found = await trials.list_newest(tx, 10)
        assert {each.state: each.test for each in found} == {"running": "uniform", "won": "uniform"}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_copy_is_kept_before_the_schema_changes(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "hero.db"
    make(path, revision)
    before = rows(path)
    for _ in range(2):  # the second start changes nothing
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass
    made = copies(tmp_path)
    assert [copy.name.split("-")[2] for copy in made] == [revision] * (revision != newest())
    for copy in made:
        assert read_schema(copy) == revision
        assert rows(copy) == before
        assert copy.stat().st_mode & 0o077 == 0


async def test_a_new_database_is_not_copied(tmp_path: Path) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'hero.db'}"):
        pass
    assert copies(tmp_path) == []


async def test_the_last_copies_stay(tmp_path: Path) -> None:
    path = tmp_path / "hero.db"
    for revision in REVISIONS[: KEPT + 2]:
        path.unlink(missing_ok=True)
        make(path, revision)
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass
    kept = sorted(copy.name.split("-")[2] for copy in copies(tmp_path))
    assert kept == REVISIONS[2 : KEPT + 2]


async def test_what_killed_starts_left_is_removed_and_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hero.db"
    for number in range(KEPT + 1):  # with the files that SQLite has beside it
        for suffix in ("", "-journal"):
            (tmp_path / f"hero.db.before-upgrade-0001-2026113{number}-120000.unfinished{suffix}").touch()
    for revision in REVISIONS[:KEPT]:
        path.unlink(missing_ok=True)
        make(path, revision)
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass
        assert [copy.name for copy in copies(tmp_path) if "unfinished" in copy.name] == []
    assert sorted(copy.name.split("-")[2] for copy in copies(tmp_path)) == REVISIONS[:KEPT]


async def test_a_copy_stays_though_the_clock_was_ahead_at_others(tmp_path: Path) -> None:
    path = tmp_path / "hero.db"
    for number in range(KEPT):
        ahead = tmp_path / f"hero.db.before-upgrade-0001-2099010{number + 1}-120000"
        ahead.touch()
        os.utime(ahead, (4e9, 4e9 + number))
    make(path, REVISIONS[1])
    async with open_database(f"sqlite+aiosqlite:///{path}"):
        pass
    kept = [copy.name.split("-")[2] for copy in copies(tmp_path)]
    assert kept == ["0001"] * (KEPT - 1) + [REVISIONS[1]]


async def test_files_beside_a_copy_are_no_copies(tmp_path: Path) -> None:
    """As after somebody has looked into a copy with a database browser."""
    path = tmp_path / "hero.db"
    make(path, REVISIONS[0])
    async with open_database(f"sqlite+aiosqlite:///{path}"):
        pass
    (first,) = copies(tmp_path)
    for suffix in ("-wal", "-shm"):
        first.with_name(first.name + suffix).touch()
    for revision in REVISIONS[1:KEPT]:
        path.unlink()
        make(path, revision)
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass
    assert first.exists()


async def test_nothing_is_changed_without_a_copy(tmp_path: Path) -> None:
    """As when the disk has lost a part of the database: its schema can be read, its rows cannot."""
    path = tmp_path / "hero.db"
    make(path, REVISIONS[-2])
    before = rows(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(StoreError) as caught:
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass
    assert str(path) in str(caught.value)
    assert copies(tmp_path) == []
    path.write_bytes(whole)
    assert rows(path) == before
    assert read_schema(path) == REVISIONS[-2]
