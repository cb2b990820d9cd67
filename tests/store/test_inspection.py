"""A database is looked at without a change: not of its file, nor of what lies beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store.copying.copy import check_database
from bot.store.copying.end import read_end
from bot.store.database import open_database
from bot.store.inspection import (
    DatabaseFile,
    newest_moment,
    open_to_inspect,
    quick_check,
    schema_versions,
    sees_locks,
    writer_of,
)
from bot.store.read_only import FileOpened
from tests.store.test_opening import NEWER, run

pytestmark = pytest.mark.sqlite("its database is a file, which is looked at without a lock")


@pytest.fixture
def path(migrated_database: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data" / "hero.db"
    copy.parent.mkdir()
    copy.write_bytes(migrated_database.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return copy


def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {each.name: (each.stat().st_size, each.stat().st_mtime_ns) for each in folder.iterdir()}


async def test_a_closed_database_is_read_and_nothing_is_left_beside_it(path: Path) -> None:
    run(path, "INSERT INTO power VALUES ('juggling', 1, 5000.5)")
    before = files(path.parent)
    async with open_to_inspect(url(path), busy_timeout=1) as db, db.read() as tx:
        version, newest = await schema_versions(tx)
        assert version == newest
        assert await newest_moment(tx) == 5000.5
        assert await quick_check(tx) == []
    assert files(path.parent) == before


async def test_what_a_running_bot_has_not_written_back_is_seen(path: Path) -> None:
    with closing(sqlite3.connect(path)) as bot:
        bot.execute("INSERT INTO power VALUES ('juggling', 1, 7.0)")
        bot.commit()
        assert DatabaseFile(path).wal.stat().st_size > 0
        async with open_to_inspect(url(path), busy_timeout=1) as db, db.read() as tx:
            assert await newest_moment(tx) == 7.0


async def test_a_running_bot_has_a_log_whatever_it_does(path: Path) -> None:
    async with open_database(url(path)) as bot:
        assert DatabaseFile(path).wal.exists()
        async with bot.write() as tx:
            await tx.exec_driver_sql("INSERT INTO power VALUES ('juggling', 1, 7.0)")
        assert DatabaseFile(path).wal.exists()


async def read_while_a_bot_starts(path: Path, *, ends: bool) -> None:
    with closing(sqlite3.connect(path)) as bot:
        async with open_to_inspect(url(path), busy_timeout=1) as db, db.read() as tx:
            assert await quick_check(tx) == []
            bot.execute("INSERT INTO power VALUES ('juggling', 1, 7.0)")
            bot.commit()
            if ends:  # its log is gone again, and what it wrote is in the file
                bot.close()
            assert DatabaseFile(path).wal.exists() is not ends


@pytest.mark.parametrize("ends", [True, False])
async def test_a_bot_that_starts_meanwhile_is_noticed(path: Path, *, ends: bool) -> None:
    with pytest.raises(FileOpened):
        await read_while_a_bot_starts(path, ends=ends)


async def test_a_check_during_which_a_bot_starts_is_of_one_state(path: Path) -> None:
    run(path, "INSERT INTO power VALUES ('juggling', 1, 7.0)")
    told = 0
    with closing(sqlite3.connect(path)) as bot:

        def watch(_doing: str, _table: str, _done: int, _total: int) -> None:
            nonlocal told
            told += 1
            if told == 1:
                rows = ((f"juggling {number}", 1, 7.0) for number in range(3000))
                bot.executemany("INSERT INTO power VALUES (?, ?, ?)", rows)
                bot.commit()
                bot.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        found = await check_database(read_end(str(path)), watch)
    assert told > 1
    assert found.tables["power"].rows == 3001
    assert found == await check_database(read_end(str(path)), lambda *_: None)


async def test_nothing_can_be_written(path: Path) -> None:
    async with open_to_inspect(url(path), busy_timeout=1) as db, db.read() as tx:
        with pytest.raises(Exception, match="readonly"):
            await tx.exec_driver_sql("DELETE FROM alembic_version")


async def test_a_newer_database_has_the_sentence_of_a_start(path: Path) -> None:
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=NEWER):
        async with open_to_inspect(url(path), busy_timeout=1):
            pass


def overwrite_table(path: Path) -> None:
    """Fill a table, and overwrite its first page with zeros."""
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = (("x" * 500 + str(number),) for number in range(40))
        connection.executemany("INSERT INTO power VALUES (?, 1, 1.0)", rows)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'power'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = bytes(size)
    path.write_bytes(content)


async def test_damage_within_is_found(path: Path) -> None:
    overwrite_table(path)
    async with open_to_inspect(url(path), busy_timeout=1) as db, db.read() as tx:
        assert await quick_check(tx) != []


@pytest.mark.skipif(not sees_locks(), reason="only Linux tells who holds a lock")
def test_who_holds_the_lock_is_seen_without_touching_the_files(path: Path) -> None:
    file = DatabaseFile(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("SELECT count(*) FROM power").fetchall()
        assert writer_of(file) is None
        other.execute("BEGIN IMMEDIATE")
        assert writer_of(file) is not None
        other.execute("ROLLBACK")
        assert writer_of(file) is None
