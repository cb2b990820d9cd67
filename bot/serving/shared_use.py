"""What people have asked for today, counted in the database for several processes that serve them."""

import time

from bot.errors import TooMany
from bot.settings import RequestLimits
from bot.store import daily_use
from bot.store.daily_use import DailyUse
from bot.store.database import Database


def check_daily_of_person(heroes: int, limits: RequestLimits, amount: int) -> None:
    """Raise TooMany if a person who has had so many heroes may not have this amount more."""
    left = None if limits.daily_per_user is None else max(0, limits.daily_per_user - heroes)
    if left is None or amount <= left:
        return
    if left:
        raise TooMany(
            "This takes {amount} of your heroes, and you have {left} left for today. You can ask for "
            "more after midnight UTC.",
            amount=amount,
            left=left,
        )
    raise TooMany(
        "You have used up your heroes for today ({most}). You can ask again after midnight UTC.",
        most=limits.daily_per_user,
    )


def check_cooldown(remaining: float) -> None:
    """Raise TooMany if a person has to wait for so many seconds."""
    if remaining > 0:
        raise TooMany(
            "You have just asked for a hero: ask again in {seconds} s.", seconds=max(1, round(remaining))
        )


class SharedUse:
    """Counts a person's heroes and the wait between two of them in a row that all processes share."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._day = 0.0  # of the rows that are kept

    async def get(self, person: str, since: float) -> DailyUse:
        """Return what a person has had since a moment; this counts nothing."""
        async with self._db.read() as tx:
            return await daily_use.get(tx, person, since)

    async def count(self, person: str, since: float, limits: RequestLimits, amount: int) -> float:
        """Count heroes for a person who asks now. Return the moment since which they are counted.

        since: the day's beginning, or a reset. Raises TooMany, with nothing counted, if a limit is reached.
        """
        await self._forget_days_before()
        async with self._db.write() as tx:
            counted = await daily_use.count(
                tx, person, since, amount, most=limits.daily_per_user, cooldown=limits.cooldown
            )
            if counted is not None:
                return counted
            use = await daily_use.get(tx, person, since, lock=True)
            check_daily_of_person(use.heroes, limits, amount)
            check_cooldown(0.0 if use.ago is None else limits.cooldown - use.ago)
            await daily_use.put(tx, person, DailyUse(use.since, use.heroes + amount, None))
        return use.since

    async def give_back(self, person: str, since: float, amount: int) -> None:
        """Count heroes no more that failed. since: as count() returned it."""
        async with self._db.write() as tx:
            await daily_use.give_back(tx, person, since, amount)

    async def _forget_days_before(self) -> None:
        """Delete the rows of earlier days once a day: no pseudonym is kept longer than its day."""
        day = time.time() // 86_400 * 86_400
        if self._day != day:
            async with self._db.write() as tx:
                await daily_use.forget_before(tx, day)
            self._day = day
