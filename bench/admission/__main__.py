"""How long a hundred thousand rated descriptions take to be admitted, beside reading and curating alone.

    python -m bench.admission [--quick] [--json]

asks three times what the votes let in, on a database in a temporary folder: `/dataset status` after a start,
the same with other thresholds, and what a build does. Each description has three votes of five thousand
voters who like four in five; half of them are admitted. Beside it the same is done without the rest: sqlite3
reads every vote and every admitted text, and one thread curates the texts. The longest pause of the event
loop says how long anybody else waits meanwhile. About half a minute, a few seconds with --quick (ten
thousand). With --json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.common import machine
from bench.common.rated_texts import describe
from bench.common.servers import BenchError
from bench.common.stopwatch import Spent, spent
from bot.app import App, open_app
from bot.community.accounts import Pseudonyms
from bot.heroes.config import HeroesConfig, read_heroes
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store.database import open_database

FULL, QUICK = 100_000, 10_000

_VOTERS = 5_000
_VOTES = 3  # on each description
_LIKED = 0.8
_TICK = 0.01  # seconds
_DESCRIPTIONS = (
    "INSERT INTO description (id, model, tuned, age, gender, power, text, finish_reason, prompt_version, "
    "sampling, requester, prompt_tokens, completion_tokens, seconds, created_at) "
    "VALUES (?, 'm', 1, ?, ?, ?, ?, 'stop', 1, '{}', 'asker', 50, 120, 1.0, 1.0)"
)
_ADMITTED = """
    SELECT d.age, d.gender, d.power, d.text
    FROM description d JOIN vote v ON v.description_id = d.id
    GROUP BY d.id HAVING min(v.value) > 0
"""


@dataclass(slots=True)
class Answer:
    """What one question took, and for how long the event loop stood still at most."""

    took: Spent
    pause: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What each question took, and reading and curating alone."""

    descriptions: int
    admitted: int
    first: Answer
    again: Answer
    build: Answer
    alone: Spent

    @property
    def share_of_alone(self) -> float:
        return self.alone.busy_seconds / self.first.took.busy_seconds

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        figures: dict[str, float] = {"descriptions": self.descriptions, "admitted": self.admitted}
        for name, answer in (("status", self.first), ("status_again", self.again), ("build", self.build)):
            figures |= {
                f"{name}_s": answer.took.seconds,
                f"{name}_cpu_s": answer.took.busy_seconds,
                f"{name}_pause_s": answer.pause,
            }
        figures |= {"alone_cpu_s": self.alone.busy_seconds, "share_of_alone": self.share_of_alone}
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return everything as rows."""
        table = Table(
            f"{self.descriptions:,} rated, {self.admitted:,} admitted",
            "seconds",
            "processor",
            "longest pause",
            title=title,
        )
        for column in table.columns[1:]:
            column.justify = "right"
        asked = {
            "/dataset status after a start": self.first,
            "the same with other thresholds": self.again,
            "what a build lets in": self.build,
        }
        for name, answer in asked.items():
            took = answer.took
            table.add_row(
                name, f"{took.seconds:.1f} s", f"{took.busy_seconds:.1f} s", f"{answer.pause * 1000:.0f} ms"
            )
        alone = self.alone
        table.add_row(
            "reading and curating alone", f"{alone.seconds:.1f} s", f"{alone.busy_seconds:.1f} s", ""
        )
        return table


def fill(path: Path, heroes: HeroesConfig, count: int) -> None:
    """Write descriptions and the votes on them."""
    chance = random.Random(1)  # noqa: S311 (variety, not secrecy)
    grid = list(heroes.vocabulary.grid.heroes())
    voters = [Pseudonyms(b"a secret of the bench").of(number) for number in range(_VOTERS)]

    def described() -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            hero = grid[number % len(grid)]
            text = describe(hero, number)
            yield number, hero.age, hero.gender, hero.power, text

    def cast() -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            for voter in chance.sample(voters, _VOTES):
                value = 1 if chance.random() < _LIKED else -1
                yield number, voter, value, False, "reaction", 300, 20.0 * number

    with sqlite3.connect(path) as connection:
        connection.executemany(_DESCRIPTIONS, described())
        connection.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?, ?)", cast())
    connection.close()


async def ask(app: App) -> tuple[int, Answer, Answer, Answer]:
    """Ask a bot that has just started. Returns how many are admitted, and what each question took."""
    async with _timed() as first:
        status = await app.dataset_statuses.now()
    async with _timed() as again:
        await app.dataset_statuses.now(above=0.3)
    async with _timed() as build:
        admitted = await app.dataset_statuses.admission.now()
    if admitted.counts["liked"] != status.intake.enters:
        raise BenchError(f"status says {status.intake.enters}, a build takes {admitted.counts['liked']}.")
    return status.intake.enters, first, again, build


def alone(path: Path, heroes: HeroesConfig) -> tuple[int, Spent]:
    """Read every vote and every admitted text by sqlite3, and curate the texts. Returns how many are fit."""
    connection = sqlite3.connect(path)
    with spent() as took:
        fit = 0
        for age, gender, power, text in connection.execute(_ADMITTED):
            hero = Hero(age, gender, power)
            fit += heroes.curation.rejection_reason(hero, heroes.curation.trim(text)) is None
    connection.close()
    return fit, took


@asynccontextmanager
async def _timed() -> AsyncIterator[Answer]:
    answer = Answer(Spent(), 0.0)

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            answer.pause = max(answer.pause, time.perf_counter() - began - _TICK)

    watching = asyncio.create_task(watch())
    with spent() as answer.took:
        yield answer
    watching.cancel()


async def measure(count: int, folder: Path) -> Figures:
    """Carry it out in a folder. Raises BenchError where the ways do not agree."""
    path = folder / "hero.db"
    settings = Settings(data_dir=folder, database_url=f"sqlite+aiosqlite:///{path}")
    heroes = read_heroes(settings.heroes_file)
    async with open_database(settings.database):
        pass  # an empty one of the newest schema
    fill(path, heroes, count)
    async with open_app(settings) as app:
        admitted, first, again, build = await ask(app)
    fit, took = alone(path, heroes)
    if fit != admitted:
        raise BenchError(f"{admitted} were admitted, and {fit} are fit.")
    return Figures(count, admitted, first, again, build, took)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.admission",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="ten thousand descriptions")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    title = machine.describe()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-admission-") as folder:
            figures = asyncio.run(measure(QUICK if options.quick else FULL, Path(folder)))
    except BenchError as error:
        sys.exit(f"bench: {error}")
    # piped into a file, rich would fold the columns at 80 characters
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(figures.table(title))
    if options.json:
        print(json.dumps(figures.summary()))


if __name__ == "__main__":
    main()
