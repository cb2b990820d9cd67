"""A clock that tests move, and heroes with votes at moments of it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from bot.app import App, Timing
from bot.store.schema import description
from tests.conftest import HOME


@dataclass
class Clock:
    """Returns the time that it was set to, in seconds since 1970."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def set(self, *moment: int) -> None:
        """Set year, month, day, hour and minute, in UTC."""
        self.now = at(*moment)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock(at(2030, 1, 3, 12))  # a Thursday


@pytest.fixture
def timing(clock: Clock) -> Timing:
    return Timing(clock=clock)


async def describe(
    app: App,
    typed: str,
    when: float,
    *,
    ups: int = 0,
    downs: int = 0,
    requester: int = 7,
    guild_id: int = HOME,
) -> int:
    """Store a description that was made then, with votes of simulated voters, and return its id."""
    hero = app.heroes.vocabulary.parse(typed)
    stored = await app.describer.describe(hero, requester=requester, guild_id=guild_id)
    for number in range(ups + downs):
        await app.votes.simulate(stored.id, f"voter {number}", "👍" if number < ups else "👎")
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == stored.id).values(created_at=when))
    return stored.id
