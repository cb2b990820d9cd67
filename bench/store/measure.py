"""Time the queries on full databases, each round a database after the other, beside its bare driver."""

import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from bench.common.errors import BenchError
from bench.common.query_plans import explain, recorded_statements
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.store.figures import BARE, Figures, QueryTimes
from bench.store.fill import connect_postgres, fill
from bench.store.population import SECRET, VOTES, Population
from bench.store.queries import Query, Visitors
from bot.app import App, open_app
from bot.dataset.versions.admission_counts import FEW_VOTES
from bot.heroes.config import read_heroes
from bot.settings import Settings
from bot.store.address import parse_address

_SELECT = "SELECT * FROM description WHERE id = "
_LARGE_TABLES = ("description", "vote", "reaction")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many descriptions there are, and how often each query is timed on each database."""

    descriptions: int
    rounds: int


FULL, QUICK = Plan(1_000_000, 1_000), Plan(1_000_000, 200)


@dataclass(frozen=True, slots=True)
class FullDatabase:
    """An installation that is open, with what is asked of its database."""

    name: str
    app: App
    visitors: Visitors
    queries: Sequence[Query]
    select_bare: Callable[[], Awaitable[object]]
    times: dict[str, QueryTimes]


async def fill_and_measure(postgres: str | None, plan: Plan, folder: Path) -> Figures:
    """Measure on an SQLite file in a folder and, if one is named, on an empty PostgreSQL database.

    Raises BenchError and StoreError.
    """
    urls = [f"sqlite+aiosqlite:///{folder}/hero.db", *([postgres] if postgres else [])]
    return await measure(urls, await fill_all(urls, plan), plan, folder)


async def fill_all(urls: Sequence[str], plan: Plan) -> Population:
    """Fill empty databases with the same rows. Raises BenchError and StoreError."""
    population = Population(read_heroes(Settings().heroes_file), plan.descriptions, time.time())
    for url in urls:
        await fill(url, population)
    return population


async def measure(urls: Sequence[str], population: Population, plan: Plan, folder: Path) -> Figures:
    """Measure on full databases. folder: for the data of the installations."""
    async with AsyncExitStack() as stack:
        databases = {}
        for url in urls:
            opened = await stack.enter_async_context(_open(url, population, folder))
            databases[opened.name] = opened
            await _ask_first(opened)
            log_progress(f"{opened.name}: people look at all large servers ...")
            await opened.visitors.use()
        for number in range(plan.rounds):
            if number % 50 == 0:
                log_progress(f"round {number + 1} of {plan.rounds} ...")
            for name in rotated(list(databases), number):
                await _ask(databases[name])
        for opened in databases.values():
            await _explain(opened)
    return Figures(population.descriptions, {name: opened.times for name, opened in databases.items()})


@asynccontextmanager
async def _open(url: str, population: Population, folder: Path) -> AsyncIterator[FullDatabase]:
    address = parse_address(url)
    data = folder / address.get_backend_name()
    data.mkdir()
    (data / "voters.key").write_bytes(SECRET)
    settings = Settings(data_dir=data, database_url=url)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(settings))
        visitors = Visitors(app, population, 1)
        queries = visitors.queries()
        chance = random.Random(2)  # noqa: S311 (variety, not secrecy)

        def any_id() -> int:
            return 1 + chance.randrange(population.descriptions)

        if address.get_backend_name() == "sqlite":
            file = stack.enter_context(closing(sqlite3.connect(address.database or "")))

            async def select_bare() -> object:
                return file.execute(f"{_SELECT}?", (any_id(),)).fetchone()

        else:
            server = await connect_postgres(url)
            stack.push_async_callback(server.close)

            async def select_bare() -> object:
                return await server.fetchrow(f"{_SELECT}$1", any_id())

        times = {query.name: QueryTimes(query.hot) for query in queries} | {BARE: QueryTimes(hot=False)}
        yield FullDatabase(address.get_backend_name(), app, visitors, queries, select_bare, times)


async def _ask_first(opened: FullDatabase) -> None:
    """Ask each query once: an installation that has just started computes some things once."""
    for query in opened.queries:
        log_progress(f"{opened.name}: the first {query.name} ...")
        opened.times[query.name].first = await _time(query)


async def _ask(opened: FullDatabase) -> None:
    for query in opened.queries:
        opened.times[query.name].seconds.append(await _time(query))
    started = time.perf_counter()
    await opened.select_bare()
    opened.times[BARE].seconds.append(time.perf_counter() - started)


async def _time(query: Query) -> float:
    if query.prepare:
        await query.prepare()
    started = time.perf_counter()
    await query.run()
    return time.perf_counter() - started


async def _explain(opened: FullDatabase) -> None:
    """Note which of the large tables each query reads from end to end."""
    for query in opened.queries:
        if query.prepare:
            await query.prepare()
        with recorded_statements() as statements:
            await query.run()
        async with opened.app.db.read() as tx:
            plans = await explain(tx, statements)
        scans = {table for plan in plans for table in plan.scans}
        opened.times[query.name].scans = sorted(scans.intersection(_LARGE_TABLES))


def check(figures: Figures) -> None:
    """Raise BenchError if a query reads a large table from end to end.

    Where there are few votes, the status counts them all.
    """
    counts_all = "dataset_status" if figures.descriptions * VOTES <= FEW_VOTES else None
    for name, times in figures.times.items():
        for query, found in times.items():
            if found.scans and query != counts_all:
                raise BenchError(f"{query} reads all of {', '.join(found.scans)} on {name}.")
