"""Databases to copy: of both kinds, with rows in every table."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import URL, Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.store.copying.copy import Checked, Copied, check_database, copy_database
from bot.store.copying.end import read_end
from bot.store.database import open_database
from bot.store.migrate import migrate
from bot.store.schema import metadata
from tests.support.databases import PostgresServer
from tests.support.filled_tables import fill

Kind = Literal["sqlite", "postgresql"]

WAYS: tuple[tuple[Kind, Kind], ...] = (
    ("sqlite", "sqlite"),
    ("sqlite", "postgresql"),
    ("postgresql", "sqlite"),
    ("postgresql", "postgresql"),
)
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


class Places:
    """Makes databases of either kind, as addresses. PostgreSQL's are skipped where no server is named."""

    def __init__(self, folder: Path, migrated: Path, server: PostgresServer | None) -> None:
        self._folder = folder
        self._migrated = migrated
        self._server = server
        self._made = 0
        self._on_server: list[URL] = []

    def empty(self, kind: Kind) -> str:
        """Return a database without tables."""
        self._made += 1
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{self._folder / f'{self._made}.db'}"
        if self._server is None:
            pytest.skip("TEST_POSTGRES_URL names no PostgreSQL server")
        self._on_server.append(self._server.empty())
        return self._on_server[-1].render_as_string(hide_password=False)

    def drop(self) -> None:
        """Drop what was made on the server; files go with their folder."""
        for each in self._on_server:
            assert self._server
            self._server.drop(each)

    def migrated(self, kind: Kind) -> str:
        """Return a database with empty tables."""
        url = self.empty(kind)
        if kind == "sqlite":
            shutil.copy(self._migrated, path_of(url))
        else:
            change(url, migrate)
        return url

    def filled(self, kind: Kind) -> str:
        """Return a database with rows in every table."""
        url = self.migrated(kind)
        change(url, fill)
        return url


def path_of(url: str) -> Path:
    return Path(url.partition(":///")[2])


def change(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run work in a transaction, as another program would; SQLite's foreign keys are not enforced."""

    async def run() -> Any:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            done = await connection.run_sync(work)
        await engine.dispose()
        return done

    return asyncio.run(run())


def execute(url: str, *statements: str) -> None:
    """Execute statements, as another program would."""

    def work(connection: Connection) -> None:
        for each in statements:
            connection.execute(text(each))

    change(url, work)


def watch_nothing(_doing: str, _table: str, _done: int, _total: int) -> None:
    pass


def copied(source: str, target: str, *folders: Path) -> Copied:
    return asyncio.run(copy_database(read_end(source), read_end(target), set(folders), watch_nothing))


def checked(url: str) -> Checked:
    return asyncio.run(check_database(read_end(url), watch_nothing))


def add_votes(url: str, number: int) -> None:
    """Let many people vote on the first description."""

    def work(connection: Connection) -> None:
        vote = metadata.tables["vote"]
        connection.execute(
            vote.insert(),
            [
                {
                    "description_id": 1,
                    "voter": f"{each:064x}",
                    "value": 1,
                    "by_requester": False,
                    "source": "reaction",
                    "account_days": each % 366,
                    "at": 1.5 * each,
                }
                for each in range(number)
            ],
        )

    change(url, work)


async def opened(url: str) -> None:
    async with open_database(url):
        pass


def interrupt(source: str, target: str, doing: str, table: str) -> None:
    """Begin a copy, and end it as soon as it has come so far."""

    class Enough(Exception):
        pass

    def watch(doing_now: str, table_now: str, _done: int, _total: int) -> None:
        if (doing_now, table_now) == (doing, table):
            raise Enough

    with pytest.raises(Enough):
        asyncio.run(copy_database(read_end(source), read_end(target), set(), watch))


@pytest.fixture
def places(
    tmp_path: Path, migrated_database: Path, postgres_server: PostgresServer | None
) -> Iterator[Places]:
    made = Places(tmp_path, migrated_database, postgres_server)
    yield made
    made.drop()
