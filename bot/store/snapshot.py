"""A copy of a SQLite database that is in use, and what a copy is checked by: its schema and its rows."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.errors import StoreError
from bot.store.address import parse_address

_PAGES = 2048  # copied between two looks at whether to stop
_BUSY_SECONDS = 60.0


class CopyStopped(Exception):
    """The copy was stopped before it was complete."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a database holds at one moment.

    schema: its revision, None if it names none. rows: the number of rows of each table, by its name.
    """

    schema: str | None
    rows: dict[str, int]


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite database, None for another database or one in memory.

    Raises StoreError for what is no address.
    """
    parsed = parse_address(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)


def copy_database(source: Path, to: Path, stop: threading.Event | None = None) -> Snapshot:
    """Copy a database to a new file that only this user may read, while others write to it.

    The copy is of one moment, in one file, and on the disk when this returns. Raises StoreError if the
    database cannot be read, OSError or StoreError if the copy cannot be written, and CopyStopped once `stop`
    is set.
    """
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with _opened(source, "rw") as reading, closing(sqlite3.connect(to)) as writing:
            reading.execute("BEGIN")
            taken = _read(reading)  # the first query fixes the moment, for the copy too
            reading.backup(writing, pages=_PAGES, progress=_stopping(stop))
            reading.execute("COMMIT")
            writing.execute("PRAGMA journal_mode=DELETE")  # no files beside it
    except sqlite3.Error as error:
        raise StoreError(f"The database {source} cannot be copied: {error}.") from error
    with to.open("rb") as written:
        os.fsync(written.fileno())
    return taken


def read_snapshot(path: Path) -> Snapshot:
    """Return what a database holds, once SQLite has found no damage in it. Raises StoreError."""
    try:
        with _opened(path, "ro") as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise StoreError(f"The database {path} is damaged: {found}.")
            return _read(connection)
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} cannot be read: {error}.") from error


def read_schema(path: Path) -> str | None:
    """Return the revision of a database's schema, None if it names none or is no database of ours."""
    try:
        with _opened(path, "rw") as connection:
            return _schema(connection, _tables(connection))
    except sqlite3.Error:
        return None


def newest_heartbeat(path: Path) -> float | None:
    """Return when the worker of an unfinished job last gave a sign, in seconds since 1970; None without one.

    A worker on another machine is seen so.
    """
    try:
        with _opened(path, "rw") as connection:
            query = "SELECT max(heartbeat) FROM job WHERE state IN ('running', 'cancelling')"
            (latest,) = connection.execute(query).fetchone()
    except sqlite3.Error:
        return None
    return None if latest is None else float(latest)


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open an existing database, outside any transaction."""
    address = f"file:{quote(os.fsencode(path))}?mode={mode}"
    with closing(
        sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    ) as connection:
        yield connection


def _read(connection: sqlite3.Connection) -> Snapshot:
    tables = _tables(connection)
    rows = {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608
        for name in tables
    }
    return Snapshot(_schema(connection, tables), rows)


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in connection.execute(query)]


def _schema(connection: sqlite3.Connection, tables: list[str]) -> str | None:
    if "alembic_version" not in tables:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _stopping(stop: threading.Event | None) -> "_Progress | None":
    return _Progress(stop) if stop else None


@dataclass(frozen=True, slots=True)
class _Progress:
    stop: threading.Event

    def __call__(self, _status: int, _remaining: int, _total: int) -> None:
        if self.stop.is_set():
            raise CopyStopped
