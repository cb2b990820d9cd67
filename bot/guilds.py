"""Guilds: what the admins of a server set for it, within what the installation allows."""

import time
from typing import Any

from bot.language import Language, Languages
from bot.store import guilds
from bot.store.database import Database
from bot.store.guilds import GuildSetting


class Guilds:
    """Keeps servers' settings, and the ones that were read: a server is served by one process alone."""

    def __init__(self, db: Database, languages: Languages) -> None:
        self._db = db
        self.languages = languages
        self._read: dict[int, GuildSetting] = {}

    async def of(self, guild_id: int) -> GuildSetting:
        """What was set for a server."""
        if guild_id not in self._read:
            async with self._db.read() as tx:
                found = await guilds.get(tx, guild_id)
            self._read[guild_id] = found or GuildSetting(guild_id)
        return self._read[guild_id]

    async def change(self, guild_id: int, **values: Any) -> GuildSetting:
        """Set some of a server's own, by their columns; None gives the installation's back its place."""
        async with self._db.write() as tx:
            self._read[guild_id] = await guilds.change(tx, guild_id, at=time.time(), **values)
        return self._read[guild_id]

    async def reset(self, guild_id: int) -> None:
        """Let everything of the installation's hold again."""
        async with self._db.write() as tx:
            await guilds.forget(tx, guild_id)
        self._read.pop(guild_id, None)

    async def language(self, guild_id: int | None, locale: str) -> Language:
        """In what a person is answered: what their server chose, else what their own Discord speaks."""
        chosen = (await self.of(guild_id)).language if guild_id else None
        return self.languages.of(chosen, locale)
