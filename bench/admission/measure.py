"""Admit rated descriptions through the bot's services, and by sqlite3 and curation alone."""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from bench.admission.figures import Alone, Figures, Timing
from bench.common.canned_answers import canned_answer
from bench.common.errors import BenchError
from bench.common.stopwatch import Elapsed, stopwatch
from bot.app import App, open_app
from bot.community.accounts import Pseudonyms
from bot.heroes.config import HeroesConfig, read_heroes
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store.database import open_database

FULL, QUICK = 100_000, 10_000

_VOTERS = 5_000
_VOTES = 3  # per description
_LIKE_RATE = 0.8
_PAUSE_RESOLUTION = 0.01  # seconds
_INSERT_DESCRIPTION = (
    "INSERT INTO description (id, model, tuned, age, gender, power, text, finish_reason, prompt_version, "
    "sampling, requester, prompt_tokens, completion_tokens, seconds, created_at) "
    "VALUES (?, 'm', 1, ?, ?, ?, ?, 'stop', 1, '{}', 'asker', 50, 120, 1.0, 1.0)"
)
_SELECT_ADMITTED = """
    SELECT d.age, d.gender, d.power, d.text
    FROM description d JOIN vote v ON v.description_id = d.id
    GROUP BY d.id HAVING min(v.value) > 0
"""


def fill(path: Path, heroes: HeroesConfig, count: int) -> None:
    """Write `count` descriptions and the votes on them."""
    chance = random.Random(1)  # noqa: S311 (variety, not secrecy)
    grid = list(heroes.vocabulary.grid.heroes())
    voters = [Pseudonyms(b"a secret of the bench").of(number) for number in range(_VOTERS)]

    def description_rows() -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            hero = grid[number % len(grid)]
            text = canned_answer(hero, number)
            yield number, hero.age, hero.gender, hero.power, text

    def vote_rows() -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            for voter in chance.sample(voters, _VOTES):
                value = 1 if chance.random() < _LIKE_RATE else -1
                yield number, voter, value, False, "reaction", 300, 20.0 * number

    with sqlite3.connect(path) as connection:
        connection.executemany(_INSERT_DESCRIPTION, description_rows())
        connection.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?, ?)", vote_rows())
    connection.close()


async def time_status(app: App, *, above: float | None = None) -> tuple[int, Timing]:
    """Return how many descriptions are admitted, and how long the status took."""
    async with _timed() as timing:
        status = await app.dataset_statuses.status(above=above)
    return status.counts.admitted, timing


async def time_build(app: App) -> tuple[int, Timing]:
    """Return how many texts a build takes, and how long that took."""
    async with _timed() as timing:
        admitted = await app.admission.admit()
    return admitted.liked_count, timing


def time_alone(path: Path, heroes: HeroesConfig) -> Alone:
    """Read all votes and admitted texts by sqlite3, then curate the texts, on one thread."""
    with closing(sqlite3.connect(path)) as connection:
        with stopwatch() as reading:
            rows = connection.execute(_SELECT_ADMITTED).fetchall()
        with stopwatch() as curating:
            passed = 0
            for age, gender, power, text in rows:
                hero = Hero(age, gender, power)
                passed += heroes.curation.rejection_reason(hero, heroes.curation.trim(text)) is None
    return Alone(len(rows), passed, reading, curating)


@asynccontextmanager
async def _timed() -> AsyncIterator[Timing]:
    """Time the block and watch the event loop meanwhile."""
    timing = Timing(Elapsed(), 0.0)

    async def watch() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(_PAUSE_RESOLUTION)
            timing.pause = max(timing.pause, time.perf_counter() - started - _PAUSE_RESOLUTION)

    watcher = asyncio.create_task(watch())
    with stopwatch() as timing.elapsed:
        yield timing
    watcher.cancel()


async def measure(count: int, folder: Path) -> Figures:
    """Measure with `count` descriptions in a folder. Raises BenchError if the results disagree."""
    path = folder / "hero.db"
    settings = Settings(data_dir=folder, database_url=f"sqlite+aiosqlite:///{path}")
    heroes = read_heroes(settings.heroes_file)
    async with open_database(settings.database):
        pass  # creates the tables
    fill(path, heroes, count)
    async with open_app(settings) as app:
        first_admitted, first = await time_status(app)
    async with open_app(settings) as app:
        admitted, after_start = await time_status(app)
        _, again = await time_status(app, above=0.3)
        taken, build = await time_build(app)
    alone = time_alone(path, heroes)
    found = (first_admitted, admitted, taken, alone.passed)
    if len({*found}) > 1:
        raise BenchError(f"Status, status after a start, a build and curation alone admit {found} texts.")
    return Figures(count, admitted, first, after_start, again, build, alone)
