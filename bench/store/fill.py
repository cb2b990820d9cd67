"""Fill a database with a population, as fast as its driver can: indexes are made when all rows are there."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Dialect, Index, Table
from sqlalchemy.schema import CreateIndex

from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.store.population import DESCRIPTION, JOBS, MODELS, Population, Row
from bot.dataset.versions.kept_verdicts import rules_version
from bot.store import schema
from bot.store.address import parse_address
from bot.store.database import open_database

_LARGE = (schema.description, schema.vote, schema.reaction, schema.bookmark)
_NUMBERED = ("description", "job", "dataset", "model", "season")
_TRAINED = 50  # every so many-th description is in the newest dataset
_SEASONS = 200  # servers with an open season
_MEMORY = "1GB"  # for making an index
_REACTIONS = """
    INSERT INTO reaction (description_id, voter, emoji, source, value, account_days, at)
    SELECT description_id, voter, CASE WHEN value > 0 THEN '👍' ELSE '👎' END, source, value, account_days, at
    FROM vote ORDER BY description_id, voter
"""


class Driver(Protocol):
    """The bare driver of a database, for what SQLAlchemy would take long for."""

    @property
    def dialect(self) -> Dialect:
        """How its SQL is written."""

    async def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Insert rows."""

    async def execute(self, sql: str) -> None:
        """Execute a statement without parameters."""

    async def fetch(self, sql: str) -> list[Any]:
        """Return the first column of a query's rows."""


@dataclass(frozen=True, slots=True)
class _Sqlite:
    connection: sqlite3.Connection
    dialect: Dialect

    async def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 (our own names)
        await asyncio.to_thread(self.connection.executemany, insert, rows)

    async def execute(self, sql: str) -> None:
        await asyncio.to_thread(self.connection.execute, sql)

    async def fetch(self, sql: str) -> list[Any]:
        return [row[0] for row in self.connection.execute(sql)]


@dataclass(frozen=True, slots=True)
class _Postgresql:
    connection: Any
    dialect: Dialect

    async def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        await self.connection.copy_records_to_table(table, columns=columns, records=rows, timeout=3600)

    async def execute(self, sql: str) -> None:
        await self.connection.execute(sql, timeout=3600)

    async def fetch(self, sql: str) -> list[Any]:
        return [row[0] for row in await self.connection.fetch(sql)]


async def fill(url: str, population: Population) -> None:
    """Write a population into an empty database, and make it if it is a file.

    Raises BenchError if it has descriptions already, and StoreError if it cannot be used.
    """
    async with open_database(url):
        pass  # makes the tables
    async with open_driver(url) as driver:
        if await driver.fetch("SELECT id FROM description LIMIT 1"):
            raise BenchError("The database has descriptions already. Name an empty one.")
        indexes = [
            index for table in _LARGE for index in sorted(table.indexes, key=lambda each: each.name or "")
        ]
        for index in indexes:
            await driver.execute(f"DROP INDEX {index.name}")
        await _fill(driver, population)
        await _index(driver, indexes)


async def _fill(driver: Driver, population: Population) -> None:
    steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("descriptions", lambda: driver.write("description", DESCRIPTION, population.description_rows())),
        ("votes", lambda: _write(driver, schema.vote, population.vote_rows())),
        ("reactions", lambda: driver.execute(_REACTIONS)),
        ("all others", lambda: _fill_small(driver, population)),
    ]
    for name, step in steps:
        log_progress(f"filling {driver.dialect.name}: {name} ...")
        await step()


async def _write(driver: Driver, table: Table, rows: Iterable[Row]) -> None:
    await driver.write(table.name, [column.name for column in table.c], rows)


async def _fill_small(driver: Driver, population: Population) -> None:
    takes = await driver.fetch("SELECT id FROM description WHERE kind = 'take' ORDER BY id")
    teams = await driver.fetch("SELECT id FROM description WHERE kind = 'team' ORDER BY id")
    rules = rules_version(population.heroes.curation)
    await _write(driver, schema.curation_verdict, population.verdict_rows(rules))
    await _write(driver, schema.bookmark, population.bookmark_rows())
    await _write(driver, schema.pick, population.pick_rows(takes))
    await _write(driver, schema.team_hero, population.team_rows(teams))
    now = population.now
    await driver.write(
        "job",
        ("id", "kind", "spec", "state", "announced", "created_at", "finished_at"),
        (
            (number, ("build", "finetune")[number % 2], "{}", "succeeded", True, now - 9e6, now - 8e6)
            for number in range(1, JOBS + 1)
        ),
    )
    await driver.write(
        "dataset",
        ("id", "kind", "content_hash", "recipe", "counts", "created_at"),
        (
            (number, "sft", f"hash {number}", "{}", '{"train": 1}', now - 8e6)
            for number in range(1, MODELS + 1)
        ),
    )
    trained = range(_TRAINED, population.descriptions + 1, _TRAINED)
    await driver.write(
        "dataset_item",
        ("dataset_id", "position", "split", "prompt", "text", "source", "source_id"),
        (
            (MODELS, position, "train", "a prompt", "a text", "description", each)
            for position, each in enumerate(trained)
        ),
    )
    await driver.write(
        "model",
        ("id", "name", "base", "dataset_id", "job_id", "state", "metrics", "served_as", "created_at"),
        (
            (
                number,
                name,
                "base",
                number,
                2 * number - 1,
                "live" if number == MODELS else "retired",
                "{}",
                name,
                now,
            )
            for number, name in enumerate(population.models(), 1)
        ),
    )
    await driver.write(
        "season",
        ("id", "guild_id", "number", "started_at"),
        (
            (number + 1, population.guild(number), 1, now - 60 * 86_400.0)
            for number in range(min(_SEASONS, population.guilds))
        ),
    )
    await driver.write(
        "member_setting",
        ("person", "shows_heroes", "in_gallery", "user_id", "at"),
        ((person, True, False, None, now) for person in population.askers[::10]),
    )


async def _index(driver: Driver, indexes: Iterable[Index]) -> None:
    for index in indexes:
        log_progress(f"filling {driver.dialect.name}: index {index.name} ...")
        await driver.execute(str(CreateIndex(index).compile(dialect=driver.dialect)))
    if driver.dialect.name == "postgresql":
        log_progress("filling postgresql: statistics ...")
        for table in _NUMBERED:
            next_id = f"setval(pg_get_serial_sequence('{table}', 'id'), max(id))"
            await driver.execute(f"SELECT {next_id} FROM {table}")  # noqa: S608 (our own names)
        await driver.execute("VACUUM ANALYZE")  # as autovacuum would after a while


@asynccontextmanager
async def open_driver(url: str) -> AsyncIterator[Driver]:
    """Open a database's bare driver, for filling: what a crash leaves of it is of no use."""
    address = parse_address(url)
    if address.get_backend_name() == "sqlite":
        connection = sqlite3.connect(
            Path(address.database or ""), isolation_level=None, check_same_thread=False
        )
        with contextlib.closing(connection):
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            yield _Sqlite(connection, address.get_dialect()())
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode=WAL")
        return
    server = await connect_postgres(url)
    try:
        await server.execute(f"SET maintenance_work_mem = '{_MEMORY}'")
        if await server.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user"):
            await server.execute("SET session_replication_role = replica")  # checks no foreign keys
        yield _Postgresql(server, address.get_dialect()())
    finally:
        await server.close()


async def connect_postgres(url: str) -> Any:
    """Return a connection of PostgreSQL's bare driver. Raises BenchError if it is not installed."""
    try:
        import asyncpg  # noqa: PLC0415  (an optional part)
    except ImportError as error:
        raise BenchError("PostgreSQL's driver is missing: pip install '.[postgres]'.") from error
    address = parse_address(url).set(drivername="postgresql")
    return await asyncpg.connect(address.render_as_string(hide_password=False))
