"""Seasons: spans of time that a server's admins begin and end, each with winners of its own."""

from collections.abc import Callable

from bot.errors import UserError
from bot.store import seasons
from bot.store.database import Database
from bot.store.ranking import Span
from bot.store.seasons import Season


class Seasons:
    """Begins and ends the seasons of servers: numbered, and one at a time."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        """clock: returns the time, in seconds since 1970."""
        self._db = db
        self._clock = clock

    async def newest(self, guild_id: int) -> Season | None:
        """Return a server's last season, open or ended; None before the first."""
        async with self._db.read() as tx:
            return await seasons.get_newest(tx, guild_id)

    async def get_open(self, guild_id: int) -> Season:
        """Return a server's open season. Raises UserError if there is none."""
        newest = await self.newest(guild_id)
        if newest is None or newest.ended_at is not None:
            raise UserError("No season is open here. Server admins begin one with `{/season start}`.")
        return newest

    async def start(self, guild_id: int, *, actor_id: int) -> Season:
        """Begin a server's next season. Raises UserError if one is open."""
        async with self._db.write() as tx:
            newest = await seasons.get_newest(tx, guild_id)
            if newest is not None and newest.ended_at is None:
                raise UserError(
                    "Season {number} is still open. End it first, with `{/season end}`.", number=newest.number
                )
            return await seasons.start(tx, guild_id, actor_id=actor_id, at=self._clock())

    async def end(self, season_id: int, *, guild_id: int) -> Season:
        """End a server's season, once. Raises UserError if it has ended already."""
        async with self._db.write() as tx:
            ended = await seasons.end(tx, season_id, guild_id=guild_id, at=self._clock())
        if ended is None:
            raise UserError("This season has ended already. `{/season show}` shows its winners.")
        return ended


def span_of(season: Season) -> Span:
    """Return when texts of a season were made."""
    return Span(season.started_at, season.ended_at)
