"""Rate limits: how many heroes users and servers have had today, and whether more are allowed."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.community.accounts import Pseudonyms
from bot.community.people import People
from bot.errors import NotAllowed, TooMany
from bot.settings import RequestLimits
from bot.store import descriptions
from bot.store import people as people_store
from bot.store.database import Database

_DAY = 86_400  # seconds
_MAX_COOLDOWNS = 10_000

# Returns the limits in a server (None: in direct messages) for somebody with these roles.
Limits = Callable[[int | None, Collection[int]], Awaitable[RequestLimits]]


@dataclass(frozen=True, slots=True)
class Quota:
    """What somebody has left of a day, in a server or in direct messages (guild_left: None).

    left and guild_left are heroes, None if there is no limit; renewed_at is the end of the day, ready_at the
    moment before which they have to wait (None: they may ask now), both in seconds since 1970. blocked:
    operators do not let them ask.
    """

    limits: RequestLimits
    left: int | None
    guild_left: int | None
    renewed_at: float
    ready_at: float | None
    blocked: bool


@dataclass(slots=True)
class _Day:
    """The numbers of heroes of a day, by user and by server; resets: by user, those that are counted in."""

    number: int  # days since 1970, UTC
    counts: Counter[str | int]
    resets: dict[str, float] = field(default_factory=dict)

    @property
    def began_at(self) -> float:
        return float(self.number * _DAY)


class UserRateLimits:
    """Applies a server's limits (None: those of direct messages) to its users and to itself.

    Days begin at midnight UTC. A hero counts from its request on, unless it fails. The day's counts are read
    from the database once: one process alone serves a server, and nearly always a user.
    """

    def __init__(self, db: Database, pseudonyms: Pseudonyms, people: People, limits: Limits) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._people = people
        self._limits = limits
        self._asked_at: dict[str, float] = {}  # by user, in monotonic seconds
        self._longest_cooldown = 0.0
        self._day = _Day(0, Counter())

    @asynccontextmanager
    async def acquire(
        self, user_id: int, guild_id: int | None, roles: Collection[int] = (), *, amount: int = 1
    ) -> AsyncIterator[None]:
        """Count heroes for a user, unless the block fails.

        roles: the ids of the user's roles in the server. amount: how many heroes are counted; they cost one
        cooldown. Raises TooMany if a limit is reached, and NotAllowed if operators blocked the user.
        """
        limits = await self._limits(guild_id, roles)
        user = self._pseudonyms.of(user_id)
        today, blocked = await self._read(user)
        if blocked:  # nothing is awaited from here on until the heroes are counted
            raise NotAllowed("The people who run this bot do not let you ask for heroes any more.")
        _check_daily(today, user, guild_id, limits, amount)
        self._check_cooldown(user, limits.cooldown)
        counted: list[str | int] = [user] if guild_id is None else [user, guild_id]
        counted *= amount
        today.counts.update(counted)
        reset = today.resets.get(user)
        try:
            yield
        except BaseException:
            self._asked_at.pop(user, None)
            if today.resets.get(user) != reset:  # the user's count began anew without these
                counted = [each for each in counted if each != user]
            today.counts.subtract(counted)
            raise

    async def quota(self, user_id: int, guild_id: int | None, roles: Collection[int] = ()) -> Quota:
        """Return what a user has left; this counts nothing."""
        limits = await self._limits(guild_id, roles)
        user = self._pseudonyms.of(user_id)
        today, blocked = await self._read(user)
        wait = self._remaining_cooldown(user, limits.cooldown)
        return Quota(
            limits,
            _left(limits.daily_per_user, today.counts[user]),
            None if guild_id is None else _left(limits.daily_of_guild, today.counts[guild_id]),
            today.began_at + _DAY,
            time.time() + wait if wait > 0 else None,
            blocked,
        )

    async def _read(self, user: str) -> tuple[_Day, bool]:
        """Return the day's counts, with the user's since their last reset, and whether they are blocked."""
        standing = await self._people.standing()
        today = await self._today()
        at = standing.resets.get(user, 0.0)
        if at >= today.began_at and today.resets.get(user) != at:
            async with self._db.read() as tx:
                count = await people_store.count_since(tx, user, at)
            if today.resets.get(user) != at:  # another task may have read it meanwhile
                today.counts[user], today.resets[user] = count, at
        return today, user in standing.blocked

    async def _today(self) -> _Day:
        number = int(time.time() // _DAY)
        if self._day.number != number:
            async with self._db.read() as tx:
                counts = await descriptions.count_since(tx, number * _DAY)
            if self._day.number != number:  # another task may have read it meanwhile
                self._day = _Day(number, Counter(counts))
                self._asked_at.clear()  # no pseudonym is kept longer than its day
        return self._day

    def _remaining_cooldown(self, user: str, cooldown: float) -> float:
        now = time.monotonic()
        return self._asked_at.get(user, now - cooldown) + cooldown - now

    def _check_cooldown(self, user: str, cooldown: float) -> None:
        remaining = self._remaining_cooldown(user, cooldown)
        if remaining > 0:
            raise TooMany(
                "You have just asked for a hero: ask again in {seconds} s.", seconds=max(1, round(remaining))
            )
        now = time.monotonic()
        self._longest_cooldown = max(self._longest_cooldown, cooldown)  # that of another role or server
        if len(self._asked_at) > _MAX_COOLDOWNS:
            kept = self._longest_cooldown
            self._asked_at = {asker: at for asker, at in self._asked_at.items() if now - at < kept}
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
