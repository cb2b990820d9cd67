"""Simulated voters, written into a real database as rows: thousands of clicks would take long."""

import random
import time
from collections.abc import Callable, Iterable, Sequence

from bot.app import App
from bot.heroes.hero import Hero
from bot.store import descriptions
from bot.store.schema import vote

NOW = 1_780_000_000.0  # during a day, UTC: a minute later is the same day


def seeded_random(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (a simulation, not a secret)


def honest(quality: float, rng: random.Random) -> int:
    """Return a vote that is +1 with the probability `quality`."""
    return 1 if rng.random() < quality else -1


async def describe(app: App, number: int, *, guild_id: int | None = None, power: str = "flight") -> list[int]:
    """Store some descriptions and return their ids."""
    ids = []
    async with app.db.write() as tx:
        for index in range(number):
            stored = await descriptions.add(
                tx,
                Hero(40, "woman", power),
                model="m",
                tuned=True,
                text=f"text {index}",
                finish_reason="stop",
                prompt_version=1,
                sampling={},
                requester="requester",
                guild_id=guild_id,
                prompt_tokens=1,
                completion_tokens=1,
                seconds=0.1,
                created_at=time.time(),
            )
            ids.append(stored.id)
    return ids


def row(description_id: int, voter: str, value: int, **other: object) -> dict[str, object]:
    """Return the row of a vote."""
    defaults = {"by_requester": False, "source": "reaction", "account_days": 300, "at": NOW}
    return {"description_id": description_id, "voter": voter, "value": value, **defaults, **other}


async def cast(app: App, rows: Iterable[dict[str, object]]) -> None:
    async with app.db.write() as tx:
        await tx.execute(vote.insert(), list(rows))


def ballots(
    ids: Sequence[int],
    voters: Iterable[str],
    choose: Callable[[int], int],
    *,
    turnout: float,
    rng: random.Random,
) -> list[dict[str, object]]:
    """Return the rows of voters who each vote on a random part of the descriptions."""
    return [row(each, voter, choose(each)) for voter in voters for each in ids if rng.random() < turnout]
