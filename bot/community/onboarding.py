"""What a server is told once: the greeting when the bot joins, and what thumbs are for."""

from collections.abc import Callable

from bot.store import greetings
from bot.store.database import Database

_HOUR = 3600.0  # seconds
_DAY = 24 * _HOUR


class Onboarding:
    """Decides who is told. What could not be said is released, and said another time."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._explained: set[int] = set()  # or being told: one process serves a server

    async def claim_greeting(self, guild_id: int, *, joined_at: float | None) -> bool:
        """Return whether to greet a server that the bot seems to have joined, and note that it is greeted.

        A server that appears again after an outage was joined long ago. One that removes the bot and adds it
        again is greeted once a day at most.
        """
        now = self._clock()
        if joined_at is not None and abs(now - joined_at) > _HOUR:
            return False
        async with self._db.write() as tx:
            return await greetings.claim_greeting(tx, guild_id, at=now, again_before=now - _DAY)

    async def release_greeting(self, guild_id: int) -> None:
        """Take a claim back: no channel took the greeting."""
        async with self._db.write() as tx:
            await greetings.release_greeting(tx, guild_id)

    async def claim_explanation(self, guild_id: int) -> bool:
        """Return whether a server is still to be told what thumbs are for."""
        if guild_id in self._explained:
            return False
        self._explained.add(guild_id)  # before anything is awaited: two heroes may be shown at once
        async with self._db.read() as tx:
            return not await greetings.is_explained(tx, guild_id)

    async def mark_explained(self, guild_id: int) -> None:
        """Note that a server was told."""
        self._explained.add(guild_id)
        async with self._db.write() as tx:
            await greetings.mark_explained(tx, guild_id, at=self._clock())

    def release_explanation(self, guild_id: int) -> None:
        """Take a claim back: nobody could be told."""
        self._explained.discard(guild_id)
