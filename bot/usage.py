"""Usage: who has had how many heroes, and whether one more is within the limits."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.errors import TooMany
from bot.limits import Limits
from bot.rating.voters import Voters
from bot.store import descriptions
from bot.store.database import Database

_DAY = 86_400


class Usage:
    """Keeps users and servers within the limits that hold in a server (None: in direct messages).

    Days begin at midnight UTC. What is being written counts as written; what fails does not count.
    """

    def __init__(
        self, db: Database, voters: Voters, limits: Callable[[int | None], Awaitable[Limits]]
    ) -> None:
        self._db = db
        self._voters = voters
        self._limits = limits
        self._asked_at: dict[str, float] = {}  # by user, within the cooldown
        self._writing: Counter[str | int] = Counter()  # by user and by server

    @asynccontextmanager
    async def request(self, user_id: int, guild_id: int | None) -> AsyncIterator[None]:
        """Let one hero be written for a user. Raises TooMany with what is used up."""
        limits = await self._limits(guild_id)
        user = self._voters.of(user_id)
        self._cool_down(user, limits.cooldown)
        counted: list[str | int] = [user] if guild_id is None else [user, guild_id]
        self._writing.update(counted)
        try:
            await self._check_day(user, guild_id, limits)
            yield
        except BaseException:
            self._asked_at.pop(user, None)
            raise
        finally:
            self._writing.subtract(counted)
            self._writing = +self._writing

    def _cool_down(self, user: str, cooldown: float) -> None:
        now = time.monotonic()
        left = self._asked_at.get(user, now - cooldown) + cooldown - now
        if left > 0:
            raise TooMany(
                "You have just asked for a hero: ask again in {seconds} s.", seconds=max(1, round(left))
            )
        if len(self._asked_at) > 10_000:
            self._asked_at = {who: at for who, at in self._asked_at.items() if now - at < cooldown}
        self._asked_at[user] = now

    async def _check_day(self, user: str, guild_id: int | None, limits: Limits) -> None:
        if limits.daily_per_user is None and limits.daily_of_guild is None:
            return
        today = time.time() // _DAY * _DAY
        async with self._db.read() as tx:
            mine, everyones = await descriptions.counts_since(tx, user, guild_id, today)
        mine += self._writing[user]
        if limits.daily_per_user is not None and mine > limits.daily_per_user:
            raise TooMany(
                "You have had your {most} heroes of today. The next day begins at midnight UTC.",
                most=limits.daily_per_user,
            )
        if guild_id is None or limits.daily_of_guild is None:
            return
        if everyones + self._writing[guild_id] > limits.daily_of_guild:
            raise TooMany(
                "This server has had its {most} heroes of today. The next day begins at midnight UTC.",
                most=limits.daily_of_guild,
            )
