"""A crowd of simulated voters, written into a real database as rows: thousands of clicks would take long."""

import random
import time
from collections.abc import Callable, Iterable, Sequence

from bot.app import App
from bot.heroes.hero import Hero
from bot.store import descriptions
from bot.store.schema import vote

NOW = 1_780_000_000.0  # noon of some day, UTC: a minute later is the same day


def chance_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (a crowd, not a secret)


def honest(quality: float, chance: random.Random) -> int:
    return 1 if chance.random() < quality else -1


async def describe(app: App, number: int, *, guild_id: int | None = None, power: str = "flight") -> list[int]:
    """Keep so many descriptions; nobody reads their texts here. Returns their ids."""
    ids = []
    async with app.db.write() as tx:
        for at in range(number):
            kept = await descriptions.add(
                tx,
                Hero(40, "woman", power),
                model="m",
                tuned=True,
                text=f"text {at}",
                finish_reason="stop",
                prompt_version=1,
                sampling={},
                requester="asker",
                guild_id=guild_id,
                prompt_tokens=1,
                completion_tokens=1,
                seconds=0.1,
                created_at=time.time(),
            )
            ids.append(kept.id)
    return ids


def row(description_id: int, voter: str, value: int, **other: object) -> dict[str, object]:
    """A vote as its row has it."""
    plain = {"by_requester": False, "source": "reaction", "account_days": 300, "at": NOW}
    return {"description_id": description_id, "voter": voter, "value": value, **plain, **other}


async def cast(app: App, rows: Iterable[dict[str, object]]) -> None:
    async with app.db.write() as tx:
        await tx.execute(vote.insert(), list(rows))


def ballots(
    ids: Sequence[int],
    voters: Iterable[str],
    choose: Callable[[int], int],
    *,
    turnout: float,
    chance: random.Random,
) -> list[dict[str, object]]:
    """Votes of voters who each see a part of the descriptions."""
    return [row(each, voter, choose(each)) for voter in voters for each in ids if chance.random() < turnout]
