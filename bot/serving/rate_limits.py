"""Rate limits: how many heroes users and servers have had today, and whether more are allowed."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bot.community.accounts import Pseudonyms
from bot.community.people import People
from bot.errors import DatabaseBusy, NotAllowed, TooMany
from bot.serving.shared_use import SharedUse, check_cooldown, check_daily_of_person
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

    def since(self, user: str) -> float:
        """Return the moment from which a user's heroes of the day count."""
        return max(self.began_at, self.resets.get(user, 0.0))


class UserRateLimits:
    """Applies a server's limits (None: those of direct messages) to its users and to itself.

    Days begin at midnight UTC. A hero counts from its request on, unless it fails. The day's counts are read
    from the database once: one process alone serves a server, and its users, too, unless there are others.
    """

    def __init__(
        self,
        db: Database,
        pseudonyms: Pseudonyms,
        people: People,
        limits: Limits,
        shared: SharedUse | None = None,
    ) -> None:
        """shared: counts users if they may ask other processes as well; None if this is the only one."""
        self._db = db
        self._shared = shared
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
        if self._shared is None:
            check_daily_of_person(today.counts[user], limits, amount)
        _check_daily_of_guild(today, guild_id, limits, amount)
        if self._shared is None:
            self._check_cooldown(user, limits.cooldown)
        counted: list[str | int] = [user] if guild_id is None else [user, guild_id]
        counted *= amount
        today.counts.update(counted)
        reset = today.resets.get(user)
        since = None
        try:
            if self._shared is not None:
                since = await self._shared.count(user, today.since(user), limits, amount)
            yield
        except BaseException:
            self._asked_at.pop(user, None)
            if today.resets.get(user) != reset:  # the user's count began anew without these
                counted = [each for each in counted if each != user]
            today.counts.subtract(counted)
            if self._shared is not None and since is not None:
                with suppress(DatabaseBusy):  # what failed is told, and not this
                    await self._shared.give_back(user, since, amount)
            raise

    async def quota(self, user_id: int, guild_id: int | None, roles: Collection[int] = ()) -> Quota:
        """Return what a user has left; this counts nothing."""
        limits = await self._limits(guild_id, roles)
        user = self._pseudonyms.of(user_id)
        today, blocked = await self._read(user)
        heroes, wait = today.counts[user], self._remaining_cooldown(user, limits.cooldown)
        if self._shared is not None:
            use = await self._shared.get(user, today.since(user))
            heroes, wait = use.heroes, 0.0 if use.ago is None else limits.cooldown - use.ago
        return Quota(
            limits,
            _left(limits.daily_per_user, heroes),
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
        check_cooldown(self._remaining_cooldown(user, cooldown))
        now = time.monotonic()
        self._longest_cooldown = max(self._longest_cooldown, cooldown)  # that of another role or server
        if len(self._asked_at) > _MAX_COOLDOWNS:
            kept = self._longest_cooldown
            self._asked_at = {asker: at for asker, at in self._asked_at.items() if now - at < kept}
        self._asked_at[user] = now


def _check_daily_of_guild(day: _Day, guild_id: int | None, limits: RequestLimits, amount: int) -> None:
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
