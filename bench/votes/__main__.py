"""How fast votes are kept, beside SQLite alone writing the same rows.

    python -m bench.votes [--quick] [--json]

lets five thousand voters click at once, each again as soon as the store has taken the last click, on a
database in a temporary folder; every vote is on the disk before it counts (synchronous=FULL). Beside it
sqlite3's executemany writes the same rows in batches of the same size, over the same pragmas. The two take
turns. About half a minute, ten seconds with --quick. With --json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.common import machine
from bench.common.servers import BenchError
from bench.common.stopwatch import Spent, spent
from bot.community.accounts import Pseudonyms
from bot.heroes.hero import Hero
from bot.rating.votes import UP
from bot.store import descriptions, reactions
from bot.store.database import Database, WriteTask, open_database
from bot.store.reactions import Click, Shown

_DESCRIPTIONS = 200
_AT_ONCE = 5_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many clicks are kept, in how many rounds."""

    clicks: int
    rounds: int


FULL, QUICK = Plan(40_000, 5), Plan(20_000, 2)


@dataclass(frozen=True)
class Figures:
    """What each round took: the store, and SQLite alone."""

    clicks: int
    store: Sequence[Spent]
    raw: Sequence[Spent]

    @property
    def votes_per_s(self) -> float:
        return self.clicks / median(each.seconds for each in self.store)

    @property
    def share_of_raw(self) -> float:
        """The median over the rounds, each by itself."""
        return median(raw.seconds / ours.seconds for ours, raw in zip(self.store, self.raw, strict=True))

    def busy_us(self, rounds: Sequence[Spent]) -> float:
        """Microseconds of processor time a vote."""
        return median(each.busy_seconds for each in rounds) / self.clicks * 1e6

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        figures = {
            "votes_per_s": self.votes_per_s,
            "share_of_raw_sqlite": self.share_of_raw,
            "cpu_us_per_vote": self.busy_us(self.store),
            "raw_cpu_us_per_vote": self.busy_us(self.raw),
        }
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return everything as rows: the figure, what it is compared with, and the share of that."""
        table = Table("what", "the store", "sqlite3 alone", "share", title=title)
        for column in table.columns[1:]:
            column.justify = "right"
        raw = self.clicks / median(each.seconds for each in self.raw)
        table.add_row(
            f"votes a second, {_AT_ONCE:,} at once, each on the disk",
            f"{self.votes_per_s:,.0f}",
            f"{raw:,.0f}",
            f"{self.share_of_raw:.2f}",
        )
        ours, theirs = self.busy_us(self.store), self.busy_us(self.raw)
        table.add_row(
            "processor time a vote", f"{ours:.0f} µs", f"{theirs:.0f} µs", f"{ours / theirs:.1f} times"
        )
        return table


def clicks(count: int) -> list[Click]:
    """One click of each of so many voters, spread over the descriptions."""
    voters = Pseudonyms(b"a secret of the bench")
    return [
        Click(Shown(1 + number % _DESCRIPTIONS), voters.of(number), UP, 1, "reaction", float(number), 366)
        for number in range(count)
    ]


async def through_the_store(made: Sequence[Click], folder: Path) -> Spent:
    """Have five thousand voters click at once. Raises BenchError where a vote is missing in the end."""
    path = folder / "hero.db"
    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        await _show(db)
        left = iter(made)

        async def keep_voting() -> None:
            for click in left:
                await db.write_together(WriteTask(reactions.change, click))

        with spent() as took:
            await asyncio.gather(*(keep_voting() for _ in range(_AT_ONCE)))
    _all_kept(path, len(made))
    return took


async def through_sqlite(made: Sequence[Click], folder: Path) -> Spent:
    """Write the same rows by executemany, without the rest: what is asked for is known beforehand."""
    path = folder / "hero.db"
    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        await _show(db)
    batches = list(_batches(made))
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    with spent() as took:
        for clicked, cast in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO reaction VALUES (?, ?, ?, ?, ?, ?, ?)", clicked)
            connection.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?, ?)", cast)
            connection.execute("COMMIT")
    connection.close()
    _all_kept(path, len(made))
    return took


def _batches(made: Sequence[Click]) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows of reactions and of votes, as the tables have them."""
    for start in range(0, len(made), _AT_ONCE):
        some = [(1 + number % _DESCRIPTIONS, made[number]) for number in range(start, start + _AT_ONCE)]
        clicked: list[Row] = [
            (its_id, each.voter, each.emoji, each.source, each.value, each.account_days, each.at)
            for its_id, each in some
        ]
        cast: list[Row] = [
            (its_id, each.voter, each.value, False, each.source, each.account_days, each.at)
            for its_id, each in some
        ]
        yield clicked, cast


async def _show(db: Database) -> None:
    """Descriptions to vote on, the first one shown by message 1."""
    hero = Hero(40, "woman", "healing")
    written = {"model": "m", "tuned": True, "text": "t"}
    answer = {"finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, "seconds": 1.0}
    asked = {"prompt_version": 1, "sampling": {}, "requester": "nobody", "created_at": 0.0}
    async with db.write() as tx:
        for _ in range(_DESCRIPTIONS):
            described = await descriptions.add(tx, hero, **written, **answer, **asked)
            await descriptions.shown_as(tx, described.id, 1, described.id)


def _all_kept(path: Path, wanted: int) -> None:
    connection = sqlite3.connect(path)
    for table in ("reaction", "vote"):
        (kept,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        if kept != wanted:
            raise BenchError(f"{kept} of {wanted} rows are in {table}.")
    connection.close()


def measure(plan: Plan) -> Figures:
    """Carry the plan out. Raises BenchError."""
    made = clicks(plan.clicks)
    ways: dict[str, Callable[[Sequence[Click], Path], Coroutine[Any, Any, Spent]]] = {
        "store": through_the_store,
        "raw": through_sqlite,
    }
    took: dict[str, list[Spent]] = {name: [] for name in ways}
    for number in range(plan.rounds):
        for name, way in ways.items():
            print(f"{name}: round {number + 1} of {plan.rounds} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="bench-votes-") as folder:
                took[name].append(asyncio.run(way(made, Path(folder))))
    return Figures(clicks=plan.clicks, store=took["store"], raw=took["raw"])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.votes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and clicks")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    title = machine.describe()
    try:
        figures = measure(QUICK if options.quick else FULL)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    # piped into a file, rich would fold the columns at 80 characters
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(figures.table(title))
    if options.json:
        print(json.dumps(figures.summary()))


if __name__ == "__main__":
    main()
