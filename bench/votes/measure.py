"""Keep votes through the store, and write the same rows by sqlite3 alone."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.stopwatch import Elapsed, stopwatch
from bench.votes.figures import CONCURRENCY, Figures
from bot.community.accounts import Pseudonyms
from bot.heroes.hero import Hero
from bot.rating.votes import UP
from bot.store import descriptions, reactions
from bot.store.database import Database, open_database
from bot.store.reactions import Click, MessageRef
from bot.store.shared_writes import WriteTask

_DESCRIPTIONS = 200
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many votes are kept, in how many rounds."""

    clicks: int
    rounds: int


FULL, QUICK = Plan(40_000, 5), Plan(20_000, 2)


def make_clicks(count: int) -> list[Click]:
    """Return one click of each of `count` voters, spread over the descriptions."""
    voters = Pseudonyms(b"a secret of the bench")
    return [
        Click(
            MessageRef(1 + number % _DESCRIPTIONS), voters.of(number), UP, 1, "reaction", float(number), 366
        )
        for number in range(count)
    ]


async def through_the_store(clicks: Sequence[Click], folder: Path) -> Elapsed:
    """Let all voters click through the store. Raises BenchError if a vote is missing afterwards."""
    path = folder / "hero.db"
    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        await _add_descriptions(db)
        pending = iter(clicks)

        async def click_in_turn() -> None:
            for click in pending:
                await db.write_together(WriteTask(reactions.apply, click))

        with stopwatch() as elapsed:
            await asyncio.gather(*(click_in_turn() for _ in range(CONCURRENCY)))
    _check_rows(path, len(clicks))
    return elapsed


async def through_sqlite(clicks: Sequence[Click], folder: Path) -> Elapsed:
    """Write the same rows by executemany. They are made beforehand, so nothing is looked up."""
    path = folder / "hero.db"
    async with open_database(f"sqlite+aiosqlite:///{path}") as db:
        await _add_descriptions(db)
    batches = list(_batches(clicks))
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    with stopwatch() as elapsed:
        for reaction_rows, vote_rows in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO reaction VALUES (?, ?, ?, ?, ?, ?, ?)", reaction_rows)
            connection.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?, ?)", vote_rows)
            connection.execute("COMMIT")
    connection.close()
    _check_rows(path, len(clicks))
    return elapsed


def _batches(clicks: Sequence[Click]) -> Iterator[tuple[list[Row], list[Row]]]:
    """Yield rows of the tables reaction and vote, CONCURRENCY clicks at a time."""
    for start in range(0, len(clicks), CONCURRENCY):
        batch = [(1 + number % _DESCRIPTIONS, clicks[number]) for number in range(start, start + CONCURRENCY)]
        reaction_rows: list[Row] = [
            (
                description_id,
                click.voter,
                click.emoji,
                click.source,
                click.value,
                click.account_days,
                click.at,
            )
            for description_id, click in batch
        ]
        vote_rows: list[Row] = [
            (description_id, click.voter, click.value, False, click.source, click.account_days, click.at)
            for description_id, click in batch
        ]
        yield reaction_rows, vote_rows


async def _add_descriptions(db: Database) -> None:
    """Add descriptions to vote on; description N is shown in message N."""
    hero = Hero(40, "woman", "healing")
    content = {"model": "m", "tuned": True, "text": "t"}
    completion = {"finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, "seconds": 1.0}
    request = {"prompt_version": 1, "sampling": {}, "requester": "nobody", "created_at": 0.0}
    async with db.write() as tx:
        for _ in range(_DESCRIPTIONS):
            described = await descriptions.add(tx, hero, **content, **completion, **request)
            await descriptions.set_message(tx, described.id, 1, described.id)


def _check_rows(path: Path, expected: int) -> None:
    connection = sqlite3.connect(path)
    for table in ("reaction", "vote"):
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        if count != expected:
            raise BenchError(f"{count} of {expected} rows are in {table}.")
    connection.close()


def measure(plan: Plan) -> Figures:
    """Let the store and sqlite3 take turns. Raises BenchError if one of them loses a vote."""
    clicks = make_clicks(plan.clicks)
    writers: dict[str, Callable[[Sequence[Click], Path], Coroutine[Any, Any, Elapsed]]] = {
        "store": through_the_store,
        "raw": through_sqlite,
    }
    elapsed: dict[str, list[Elapsed]] = {name: [] for name in writers}
    for number in range(plan.rounds):
        for name, write in writers.items():
            log_progress(f"{name}: round {number + 1} of {plan.rounds} ...")
            with tempfile.TemporaryDirectory(prefix="bench-votes-") as folder:
                elapsed[name].append(asyncio.run(write(clicks, Path(folder))))
    return Figures(clicks=plan.clicks, store=elapsed["store"], raw=elapsed["raw"])
