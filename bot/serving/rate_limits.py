"""Rate limits: how many heroes users and servers have had today, and whether one more is allowed."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms
from bot.errors import TooMany
from bot.settings import RequestLimits
from bot.store import descriptions
from bot.store.database import Database

_DAY = 86_400  # seconds
_MAX_COOLDOWNS = 10_000

# Returns the limits in a server (None: in direct messages) for somebody with these roles.
Limits = Callable[[int | None, Collection[int]], Awaitable[RequestLimits]]


@dataclass(slots=True)
class _Day:
    """The numbers of heroes of a day, by user and by server."""

    number: int  # days since 1970, UTC
    counts: Counter[str | int]


class UserRateLimits:
    """Applies a server's limits (None: those of direct messages) to its users and to itself.

    Days begin at midnight UTC. A hero counts from its request on, unless it fails. The day's counts are read
    from the database once: one process alone serves a server, and nearly always a user.
    """

    def __init__(self, db: Database, pseudonyms: Pseudonyms, limits: Limits) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._limits = limits
        self._asked_at: dict[str, float] = {}  # by user, in monotonic seconds
        self._day = _Day(0, Counter())

    @asynccontextmanager
    async def acquire(
        self, user_id: int, guild_id: int | None, roles: Collection[int] = (), *, amount: int = 1
    ) -> AsyncIterator[None]:
        """Count heroes for a user, unless the block fails. Raises TooMany if a limit is reached.

        roles: the ids of the user's roles in the server. amount: how many heroes are counted; they cost one
        cooldown.
        """
        limits = await self._limits(guild_id, roles)
        today = await self._today()
        user = self._pseudonyms.of(user_id)
        _check_daily(today, user, guild_id, limits, amount)
        self._check_cooldown(user, limits.cooldown)
        counted: list[str | int] = [user] if guild_id is None else [user, guild_id]
        counted *= amount
        today.counts.update(counted)
        try:
            yield
        except BaseException:
            self._asked_at.pop(user, None)
            today.counts.subtract(counted)
            raise

    async def _today(self) -> _Day:
        number = int(time.time() // _DAY)
        if self._day.number != number:
            async with self._db.read() as tx:
                counts = await descriptions.count_since(tx, number * _DAY)
            if self._day.number != number:  # another task may have read it meanwhile
                self._day = _Day(number, Counter(counts))
                self._asked_at.clear()  # no pseudonym is kept longer than its day
        return self._day

    def _check_cooldown(self, user: str, cooldown: float) -> None:
        now = time.monotonic()
        remaining = self._asked_at.get(user, now - cooldown) + cooldown - now
        if remaining > 0:
            raise TooMany(
                "You have just asked for a hero: ask again in {seconds} s.", seconds=max(1, round(remaining))
            )
        if len(self._asked_at) > _MAX_COOLDOWNS:
            self._asked_at = {asker: at for asker, at in self._asked_at.items() if now - at < cooldown}
        self._asked_at[user] = now


def _check_daily(day: _Day, user: str, guild_id: int | None, limits: RequestLimits, amount: int) -> None:
    left = _left(limits.daily_per_user, day.counts[user])
    if left is not None and amount > left:
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
    left = None if guild_id is None else _left(limits.daily_of_guild, day.counts[guild_id])
    if left is not None and amount > left:
        if left:
            raise TooMany(
                "This takes {amount} heroes, and this server has {left} left for today. You can ask for more "
                "after midnight UTC.",
                amount=amount,
                left=left,
            )
        raise TooMany(
            "This server has used up its heroes for today ({most}). You can ask again after midnight UTC.",
            most=limits.daily_of_guild,
        )


def _left(limit: int | None, used: int) -> int | None:
    """Return how many heroes are left under a limit; None if there is no limit."""
    return None if limit is None else max(0, limit - used)
