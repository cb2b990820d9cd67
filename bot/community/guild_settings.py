"""Settings of servers, made by their admins within the installation's limits."""

import time
from collections.abc import Collection
from typing import Any

from bot.errors import UserError
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import LocalizedMessage, Translator
from bot.settings import RequestLimits
from bot.store import guilds
from bot.store.database import Database
from bot.store.guilds import GuildSetting


class GuildSettings:
    """Reads and changes settings, with a cache: one process serves a server."""

    def __init__(self, db: Database, languages: Catalogues, widest: RequestLimits) -> None:
        self._db = db
        self._widest = widest
        self.languages = languages
        self._cache: dict[int, GuildSetting] = {}

    async def get(self, guild_id: int) -> GuildSetting:
        """Return a server's settings."""
        if guild_id not in self._cache:
            async with self._db.read() as tx:
                found = await guilds.get(tx, guild_id)
            # setdefault: it may have been changed meanwhile
            self._cache.setdefault(guild_id, found or GuildSetting(guild_id))
        return self._cache[guild_id]

    async def change(self, guild_id: int, **values: Any) -> GuildSetting:
        """Change settings of a server, by column; None restores the installation's default."""
        async with self._db.write() as tx:
            changed = await guilds.change(tx, guild_id, at=time.time(), **values)
        self._cache[guild_id] = changed
        return changed

    async def change_limits(
        self,
        guild_id: int,
        *,
        cooldown: int | None = None,
        daily_per_user: int | None = None,
        daily_of_guild: int | None = None,
    ) -> None:
        """Change limits of a server. What is left out stays, and 0 restores the installation's.

        Raises UserError, with nothing changed, if one is wider than the installation's.
        """
        widest = self._widest
        if cooldown and cooldown < widest.cooldown:
            raise UserError(
                "The bot's own wait is {time}: a server can make it longer, never shorter. Nothing was "
                "changed.",
                time=LocalizedMessage.counted("{number} second", "{number} seconds", round(widest.cooldown)),
            )
        if _is_wider(daily_per_user, widest.daily_per_user):
            raise UserError(
                "The bot's own limit for one member is {number} descriptions a day: a server can lower it, "
                "never raise it. Nothing was changed.",
                number=widest.daily_per_user,
            )
        if _is_wider(daily_of_guild, widest.daily_of_guild):
            raise UserError(
                "The bot's own limit for a whole server is {number} descriptions a day: a server can lower "
                "it, never raise it. Nothing was changed.",
                number=widest.daily_of_guild,
            )
        values = {"cooldown": cooldown, "daily_per_user": daily_per_user, "daily_of_guild": daily_of_guild}
        changes = {name: value or None for name, value in values.items() if value is not None}
        if changes:
            await self.change(guild_id, **changes)

    async def reset(self, guild_id: int) -> None:
        """Restore all defaults of the installation."""
        async with self._db.write() as tx:
            await guilds.remove(tx, guild_id)
        self._cache.pop(guild_id, None)

    async def list_departed(self, joined: Collection[int]) -> list[int]:
        """Return the ids of servers with settings that the bot is no longer in."""
        async with self._db.read() as tx:
            return [guild_id for guild_id in await guilds.list_ids(tx) if guild_id not in joined]

    async def limits(self, guild_id: int | None, roles: Collection[int] = ()) -> RequestLimits:  # noqa: ARG002
        """Return the limits of a server or, for None, of direct messages: the installation's or narrower.

        roles: the ids of the roles of the member that the limits are for.
        """
        return narrow_limits(self._widest, await self.get(guild_id)) if guild_id else self._widest

    async def is_open(self, guild_id: int | None, *channel_ids: int | None) -> bool:
        """Return whether heroes may be asked for in a channel; a thread is passed with its channel."""
        channels = (await self.get(guild_id)).channels if guild_id else None
        return not channels or any(channel_id in channels for channel_id in channel_ids)

    async def translator(self, guild_id: int | None, locale: str) -> Translator:
        """Return the translator for a person: their server's language, or else their Discord's locale."""
        chosen = (await self.get(guild_id)).language if guild_id else None
        return self.languages.translator_for(chosen, locale)


def narrow_limits(widest: RequestLimits, setting: GuildSetting) -> RequestLimits:
    """Return a server's limits: its own if they are narrower than the widest allowed ones."""
    return RequestLimits(
        max(widest.cooldown, setting.cooldown or 0.0),
        _least(widest.daily_per_user, setting.daily_per_user),
        _least(widest.daily_of_guild, setting.daily_of_guild),
    )


def _is_wider(cap: int | None, widest: int | None) -> bool:
    return cap is not None and widest is not None and cap > widest


def _least(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)
