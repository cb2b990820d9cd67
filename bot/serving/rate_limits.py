"""Usage: who has had how many heroes, and whether one more is within the limits."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms
from bot.errors import TooMany
from bot.settings import RequestLimits
from bot.store import descriptions
from bot.store.database import Database

_DAY = 86_400  # seconds
_MAX_COOLDOWNS = 10_000


@dataclass(slots=True)
class _Day:
    """How many heroes a day has had so far, by user and by server."""

    number: int  # days since 1970, UTC
    had: Counter[str | int]


class UserRateLimits:
    """Keeps users and servers within the limits that hold in a server (None: in direct messages).

    Days begin at midnight UTC. What is being written counts as written; what fails does not count. What a
    day has had is read once: a server, and nearly always a user, is served by one process alone.
    """

    def __init__(
        self, db: Database, voters: Pseudonyms, limits: Callable[[int | None], Awaitable[RequestLimits]]
    ) -> None:
        self._db = db
        self._pseudonyms = voters
        self._limits = limits
        self._asked_at: dict[str, float] = {}  # by user, for the cooldown
        self._day = _Day(0, Counter())

    @asynccontextmanager
    async def acquire(self, user_id: int, guild_id: int | None) -> AsyncIterator[None]:
        """Let one hero be written for a user. Raises TooMany with what is used up."""
        limits = await self._limits(guild_id)
        today = await self._today()
        user = self._pseudonyms.of(user_id)
        _check_daily(today, user, guild_id, limits)
        self._check_cooldown(user, limits.cooldown)
        counted: list[str | int] = [user] if guild_id is None else [user, guild_id]
        today.had.update(counted)
        try:
            yield
        except BaseException:
            self._asked_at.pop(user, None)
            today.had.subtract(counted)
            raise

    async def _today(self) -> _Day:
        number = int(time.time() // _DAY)
        if self._day.number != number:
            async with self._db.read() as tx:
                had = await descriptions.counts_since(tx, number * _DAY)
            if self._day.number != number:  # others were waiting for the same
                self._day = _Day(number, Counter(had))
                self._asked_at.clear()  # of nobody a pseudonym is remembered longer than that day
        return self._day

    def _check_cooldown(self, user: str, cooldown: float) -> None:
        now = time.monotonic()
        left = self._asked_at.get(user, now - cooldown) + cooldown - now
        if left > 0:
            raise TooMany(
                "You have just asked for a hero: ask again in {seconds} s.", seconds=max(1, round(left))
            )
        if len(self._asked_at) > _MAX_COOLDOWNS:
            self._asked_at = {who: at for who, at in self._asked_at.items() if now - at < cooldown}
        self._asked_at[user] = now


def _check_daily(day: _Day, user: str, guild_id: int | None, limits: RequestLimits) -> None:
    if limits.daily_per_user is not None and day.had[user] >= limits.daily_per_user:
        raise TooMany(
            "You have had your {most} heroes of today. The next day begins at midnight UTC.",
            most=limits.daily_per_user,
        )
    if guild_id is None or limits.daily_of_guild is None:
        return
    if day.had[guild_id] >= limits.daily_of_guild:
        raise TooMany(
            "This server has had its {most} heroes of today. The next day begins at midnight UTC.",
            most=limits.daily_of_guild,
        )
