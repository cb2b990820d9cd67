"""Opening a database that is not as this version left it: each kind has a sentence of its own."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from bot.errors import StoreError
from bot.store.database import open_database
from bot.store.timing import DatabaseTiming

pytestmark = pytest.mark.sqlite("its database is a file")


def run(path: Path, *statements: str) -> None:
    """Change a database as another program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def truncate(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all of it in one file
    path.write_bytes(path.read_bytes()[:8192])


def overwrite_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    content = path.read_bytes()
    path.write_bytes(content[:100] + Random(3).randbytes(len(content) - 100))  # noqa: S311 (any bytes)


NEWER = "made by a newer Herosmith .*: update Herosmith"
NO_VERSION = "has the tables of Herosmith, but not their version"

OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "newer": (lambda path: run(path, "UPDATE alembic_version SET version_num = '9999'"), NEWER),
    "next": (lambda path: run(path, "UPDATE alembic_version SET version_num = '0900'"), NEWER),
    "newer, with more digits": (
        lambda path: run(path, "UPDATE alembic_version SET version_num = '10000'"),
        NEWER,
    ),
    "newer, with a new table": (
        lambda path: run(
            path, "UPDATE alembic_version SET version_num = '0777'", "CREATE TABLE later (id INTEGER)"
        ),
        NEWER,
    ),
    "newer, without a table": (
        lambda path: run(path, "UPDATE alembic_version SET version_num = '0500'", "DROP TABLE trial"),
        NEWER,
    ),
    "another project's revision": (
        lambda path: run(path, "UPDATE alembic_version SET version_num = 'ae1027a6'"),
        "schema 'ae1027a6', which this version does not know",
    ),
    "emptied version": (lambda path: run(path, "DELETE FROM alembic_version"), NO_VERSION),
    "dropped version": (lambda path: run(path, "DROP TABLE alembic_version"), NO_VERSION),
    "emptied version, one table left": (
        lambda path: run(path, "DELETE FROM alembic_version", "DROP TABLE trial"),
        NO_VERSION,
    ),
    "emptied version, as NULL": (
        lambda path: run(
            path,
            "DROP TABLE alembic_version",
            "CREATE TABLE alembic_version (version_num TEXT)",
        ),
        NO_VERSION,
    ),
    "two versions": (
        lambda path: run(path, "INSERT INTO alembic_version VALUES ('0001')"),
        "names 2 versions",
    ),
    "random bytes": (
        lambda path: path.write_bytes(Random(1).randbytes(40_000)),  # noqa: S311 (any bytes)
        "is no SQLite database",
    ),
    "text": (lambda path: path.write_text("hello, " * 500), "is no SQLite database"),
    "zeros": (lambda path: path.write_bytes(bytes(20_000)), "is no SQLite database"),
    "an archive": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(4000)), "is no SQLite database"),
    "truncated": (truncate, "is damaged"),
    "pages of random bytes": (overwrite_pages, "is damaged|is no SQLite database"),
}


@pytest.fixture
def path(migrated_database: Path, tmp_path: Path) -> Path:
    """Return an empty database of this version, as it is left after a run."""
    copy = tmp_path / "hero.db"
    copy.write_bytes(migrated_database.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return copy


@pytest.mark.parametrize("kind", OTHERS)
def test_each_kind_of_unusable_database_has_its_sentence(path: Path, kind: str) -> None:
    spoil, sentence = OTHERS[kind]
    spoil(path)
    before = path.read_bytes()

    async def start() -> None:
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass

    with pytest.raises(StoreError, match=sentence) as caught:
        asyncio.run(start())

    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    if sentence == NEWER:
        assert "move it away" not in str(caught.value)


async def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    run(path, "CREATE TABLE bookmarks (id INTEGER)", "CREATE TABLE places (id INTEGER)")

    with pytest.raises(StoreError, match="belongs to another program: it has the tables bookmarks, places"):
        async with open_database(f"sqlite+aiosqlite:///{path}"):
            pass

    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    assert tables == ["bookmarks", "places"]


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "hero.db"
    path.touch()
    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        await db.check_writable()


async def test_a_database_that_another_program_writes_to_opens(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with (
            open_database(f"sqlite+aiosqlite:///{path}", DatabaseTiming(busy_timeout=0.1)) as db,
            db.read(),
        ):
            pass


async def test_a_database_that_is_held_entirely_says_so(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is held by another program: close it"):
            async with open_database(f"sqlite+aiosqlite:///{path}", DatabaseTiming(busy_timeout=0.1)):
                pass
