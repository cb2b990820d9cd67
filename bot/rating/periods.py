"""Spans of time for which texts are ranked: this week, month and season of a server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.community.guild_settings import GuildSettings
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.rating.calendar import this_month, this_week, time_zone
from bot.rating.seasons import Seasons, span_of
from bot.store.ranking import EVER, Span

Period = Literal["week", "month", "season", "all"]


@dataclass(frozen=True, slots=True)
class NamedSpan:
    """A span and what it is called, None if it has always been."""

    span: Span
    name: LocalizedMessage | None


class Periods:
    """Tells which span a period is now."""

    def __init__(self, guild_settings: GuildSettings, seasons: Seasons, clock: Callable[[], float]) -> None:
        """clock: returns the time, in seconds since 1970."""
        self._guild_settings = guild_settings
        self._seasons = seasons
        self._clock = clock

    async def current(self, period: Period, guild_id: int | None) -> NamedSpan:
        """Return a server's period; weeks and months begin at midnight in its time zone, else in UTC.

        guild_id: None in direct messages. Raises UserError if there is no open season.
        """
        if period == "all":
            return NamedSpan(EVER, None)
        if period == "season":
            if guild_id is None:
                raise UserError("Seasons belong to servers: ask for one there.")
            season = await self._seasons.get_open(guild_id)
            return NamedSpan(span_of(season), LocalizedMessage("season {number}", number=season.number))
        zone = time_zone((await self._guild_settings.get(guild_id)).time_zone if guild_id else None)
        if period == "week":
            return NamedSpan(this_week(self._clock(), zone), LocalizedMessage("this week"))
        return NamedSpan(this_month(self._clock(), zone), LocalizedMessage("this month"))
