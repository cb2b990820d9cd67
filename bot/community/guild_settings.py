"""Guilds: what the admins of a server set for it, within what the installation allows."""

import time
from collections.abc import Collection
from typing import Any

from bot.i18n.catalogues import Catalogues
from bot.i18n.message import Translator
from bot.settings import RequestLimits
from bot.store import guilds
from bot.store.database import Database
from bot.store.guilds import GuildSetting


class GuildSettings:
    """Keeps servers' settings, and the ones that were read: a server is served by one process alone."""

    def __init__(self, db: Database, languages: Catalogues, widest: RequestLimits) -> None:
        self._db = db
        self._widest = widest
        self.languages = languages
        self._read: dict[int, GuildSetting] = {}

    async def get(self, guild_id: int) -> GuildSetting:
        """What was set for a server."""
        if guild_id not in self._read:
            async with self._db.read() as tx:
                found = await guilds.get(tx, guild_id)
            self._read.setdefault(guild_id, found or GuildSetting(guild_id))  # it may have changed meanwhile
        return self._read[guild_id]

    async def change(self, guild_id: int, **values: Any) -> GuildSetting:
        """Set some of a server's own, by their columns; None gives the installation's back its place."""
        async with self._db.write() as tx:
            changed = await guilds.change(tx, guild_id, at=time.time(), **values)
        self._read[guild_id] = changed
        return changed

    async def reset(self, guild_id: int) -> None:
        """Let everything of the installation's hold again."""
        async with self._db.write() as tx:
            await guilds.remove(tx, guild_id)
        self._read.pop(guild_id, None)

    async def list_departed(self, joined: Collection[int]) -> list[int]:
        """The servers for which something is kept, and that are not among those the bot is in."""
        async with self._db.read() as tx:
            return [each for each in await guilds.list_ids(tx) if each not in joined]

    async def limits(self, guild_id: int | None) -> RequestLimits:
        """What holds in a server, or in direct messages: at the widest what the installation allows."""
        return narrow_limits(self._widest, await self.get(guild_id)) if guild_id else self._widest

    async def is_open(self, guild_id: int | None, *channel_ids: int | None) -> bool:
        """Whether heroes may be asked for in a channel; a thread is given with the channel it belongs to."""
        channels = (await self.get(guild_id)).channels if guild_id else None
        return not channels or any(each in channels for each in channel_ids)

    async def translator(self, guild_id: int | None, locale: str) -> Translator:
        """In what a person is answered: what their server chose, else what their own Discord speaks."""
        chosen = (await self.get(guild_id)).language if guild_id else None
        return self.languages.translator_for(chosen, locale)


def narrow_limits(widest: RequestLimits, setting: GuildSetting) -> RequestLimits:
    """Return what holds in a server: its admins' own limits if they are narrower, never wider."""
    return RequestLimits(
        max(widest.cooldown, setting.cooldown or 0.0),
        _least(widest.daily_per_user, setting.daily_per_user),
        _least(widest.daily_of_guild, setting.daily_of_guild),
    )


def _least(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)
