"""A database of its own for each test: SQLite's, or with TEST_POSTGRES_URL one on that PostgreSQL server."""

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.settings import Settings
from bot.store.migrate import migrate

T = TypeVar("T")

# The server on which tests run, as DATABASE_URL names one; the user must be allowed to create databases.
POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "")
ON_POSTGRES = bool(POSTGRES_URL)

_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123"  # noqa: S105 (of no bot)


def database_variables(database_url: str | None) -> dict[str, str]:
    """Return the variables by which a command opens the database that `Databases` made for its data folder.

    A server's is opened by the bot alone, so that these need a token: the playground has a file, in a folder
    of its own in DATA_DIR.
    """
    return {"DATABASE_URL": database_url, "DISCORD_TOKEN": _TOKEN} if database_url else {}


async def execute(url: str, *statements: str, **values: object) -> None:
    """Execute statements as another program does, each for itself."""
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement), values)
    await engine.dispose()


class PostgresServer:
    """Creates and drops databases on a server, from a thread: tests with and without a loop ask it.

    A migrated database is the template of the others, and one copy is always made ahead: a copy takes
    0.1 to 0.2 seconds.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._names = (f"herosmith_test_{os.getpid()}_{number}" for number in count(1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._admin = create_async_engine(self._url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        self._dropping: list[Future[None]] = []
        self._template = self.empty()
        self._run(self._migrate(self._template)).result()
        self._ahead = self._run(self._create(self._template))

    def migrated(self) -> URL:
        """Return an empty database of the newest schema."""
        made, self._ahead = self._ahead.result(), self._run(self._create(self._template))
        return made

    def empty(self) -> URL:
        """Return a database without any table."""
        return self._run(self._create(None)).result()

    def replace(self, database: URL, source: URL) -> None:
        """Put a copy of a database that nobody has open in the place of another one."""
        self._run(self._replace(database, source)).result()

    def drop(self, database: URL) -> None:
        """Drop a database, whoever has it open; without waiting for it."""
        self._dropping = [each for each in self._dropping if not each.done()]
        self._dropping.append(self._run(self._drop(database)))

    def close(self) -> None:
        """Drop what was made ahead."""
        self.drop(self._ahead.result())
        self.drop(self._template)
        for each in self._dropping:
            each.result()
        self._run(self._admin.dispose()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _create(self, template: URL | None) -> URL:
        made = self._url.set(database=next(self._names))
        await self._fill(made, template.database if template else "template0")
        return made

    async def _replace(self, database: URL, source: URL) -> None:
        await self._drop(database)
        await self._fill(database, source.database)

    async def _fill(self, database: URL, template: str | None) -> None:
        await self._execute(f'CREATE DATABASE "{database.database}" TEMPLATE "{template}"')

    async def _drop(self, database: URL) -> None:
        await self._execute(f'DROP DATABASE IF EXISTS "{database.database}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        async with self._admin.connect() as connection:
            await connection.execute(text(statement))

    async def _migrate(self, database: URL) -> None:
        engine: AsyncEngine = create_async_engine(database, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()


class Databases:
    """Makes the databases of one test, which are dropped when it ends."""

    def __init__(self, migrated_file: Path, server: PostgresServer | None) -> None:
        self._migrated_file = migrated_file
        self._server = server
        self._made: list[URL] = []

    def new(self, data_dir: Path) -> str | None:
        """Give a data folder an empty database of the newest schema.

        Return the DATABASE_URL that names it, None for the default one, which lies in the folder.
        """
        if self._server:
            return self._keep(self._server.migrated())
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._migrated_file, data_dir / "hero.db")
        return None

    def empty(self, path: Path) -> str:
        """Return the URL of a database without any table; in SQLite, of a file that is made when opened."""
        return self._keep(self._server.empty()) if self._server else f"sqlite+aiosqlite:///{path}"

    def migrated(self, path: Path) -> str:
        """Return the URL of an empty database of the newest schema; in SQLite, in this file."""
        if self._server:
            return self._keep(self._server.migrated())
        shutil.copy(self._migrated_file, path)
        return f"sqlite+aiosqlite:///{path}"

    def copy(self, source: Settings, to: Settings) -> None:
        """Replace an installation's data folder and database by copies of another one's, which is closed."""
        shutil.copytree(source.data_dir, to.data_dir, dirs_exist_ok=True)
        if self._server and source.database_url and to.database_url:
            self._server.replace(make_url(to.database_url), make_url(source.database_url))

    def drop(self) -> None:
        """Drop all that were made."""
        for each in self._made:
            assert self._server
            self._server.drop(each)
        self._made.clear()

    def _keep(self, database: URL) -> str:
        self._made.append(database)
        return database.render_as_string(hide_password=False)
