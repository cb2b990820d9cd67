"""Settings of servers, made by their admins within the installation's limits."""

import time
from collections.abc import Collection
from typing import Any

from bot.errors import UserError
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import LocalizedMessage, Translator
from bot.settings import RequestLimits
from bot.shards import ALL, Shards
from bot.store import guilds, role_limits
from bot.store.database import Database
from bot.store.guilds import GuildSetting
from bot.store.role_limits import RoleLimit

_MOST_ROLES = 25  # with limits of their own: as many as a message lists, in an embed if need be


class GuildSettings:
    """Reads and changes settings, with a cache: one process serves a server, and changes its settings.

    Those of servers that other processes serve are read each time.
    """

    def __init__(
        self, db: Database, languages: Catalogues, widest: RequestLimits, shards: Shards = ALL
    ) -> None:
        self._db = db
        self._widest = widest
        self._shards = shards
        self.languages = languages
        self._cache: dict[int, GuildSetting] = {}
        self._roles: dict[int, list[RoleLimit]] = {}

    async def get(self, guild_id: int) -> GuildSetting:
        """Return a server's settings."""
        return self._cache.get(guild_id) or (await self._read(guild_id))[0]

    async def role_limits(self, guild_id: int) -> list[RoleLimit]:
        """Return a server's limits of roles, the oldest role first."""
        kept = self._roles.get(guild_id)
        return (await self._read(guild_id))[1] if kept is None else kept

    async def _read(self, guild_id: int) -> tuple[GuildSetting, list[RoleLimit]]:
        async with self._db.read() as tx:
            found = await guilds.get(tx, guild_id) or GuildSetting(guild_id)
            roles = await role_limits.list_of_guild(tx, guild_id)
        if not self._shards.serve(guild_id):
            return found, roles
        # setdefault: they may have been changed meanwhile
        return self._cache.setdefault(guild_id, found), self._roles.setdefault(guild_id, roles)

    async def change(self, guild_id: int, **values: Any) -> GuildSetting:
        """Change settings of a server, by column; None restores the installation's default."""
        async with self._db.write() as tx:
            changed = await guilds.change(tx, guild_id, at=time.time(), **values)
        if self._shards.serve(guild_id):
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
        self._require_narrower(cooldown, daily_per_user, daily_of_guild)
        values = {"cooldown": cooldown, "daily_per_user": daily_per_user, "daily_of_guild": daily_of_guild}
        changes = {name: value or None for name, value in values.items() if value is not None}
        if changes:
            await self.change(guild_id, **changes)

    async def change_role_limit(
        self, guild_id: int, role_id: int, *, cooldown: int | None = None, daily_per_user: int | None = None
    ) -> RoleLimit | None:
        """Change the limits of a role, and return them; None if it has none any more.

        What is left out stays, and 0 lets the server's own apply. Raises UserError, with nothing changed, if
        one is wider than the installation's, or too many roles have limits.
        """
        self._require_narrower(cooldown, daily_per_user, None)
        async with self._db.write() as tx:
            known = {each.role_id: each for each in await role_limits.list_of_guild(tx, guild_id)}
            old = known.get(role_id) or RoleLimit(guild_id, role_id, None, None, 0.0)
            new = RoleLimit(
                guild_id,
                role_id,
                old.cooldown if cooldown is None else cooldown or None,
                old.daily_per_user if daily_per_user is None else daily_per_user or None,
                time.time(),
            )
            has_limit = (new.cooldown, new.daily_per_user) != (None, None)
            if has_limit and len(known.keys() | {role_id}) > _MOST_ROLES:
                raise UserError(
                    "At most {most} roles have limits of their own. Nothing was changed.", most=_MOST_ROLES
                )
            if has_limit:
                await role_limits.put(tx, new)
            else:
                await role_limits.remove(tx, guild_id, role_id)
            changed = await role_limits.list_of_guild(tx, guild_id)
        if self._shards.serve(guild_id):
            self._roles[guild_id] = changed
        return new if has_limit else None

    async def forget_roles(self, guild_id: int, existing: Collection[int]) -> None:
        """Drop the limits of roles that a server no longer has."""
        gone = [each.role_id for each in await self.role_limits(guild_id) if each.role_id not in existing]
        if gone:
            async with self._db.write() as tx:
                for role_id in gone:
                    await role_limits.remove(tx, guild_id, role_id)
                left = await role_limits.list_of_guild(tx, guild_id)
            if self._shards.serve(guild_id):
                self._roles[guild_id] = left

    async def list_with_roles(self) -> list[int]:
        """Return the ids of servers that limit roles."""
        async with self._db.read() as tx:
            return await role_limits.list_guild_ids(tx)

    async def reset(self, guild_id: int) -> None:
        """Restore all defaults of the installation."""
        async with self._db.write() as tx:
            await guilds.remove(tx, guild_id)
            await role_limits.remove_of_guild(tx, guild_id)
        self._cache.pop(guild_id, None)
        self._roles.pop(guild_id, None)

    async def list_departed(self, joined: Collection[int]) -> list[int]:
        """Return the ids of servers with settings that the bot is no longer in.

        joined: those that it is in, of this process's shards; servers of others are not returned.
        """
        async with self._db.read() as tx:
            known = {*await guilds.list_ids(tx), *await role_limits.list_guild_ids(tx)}
        return sorted(filter(self._shards.serve, known.difference(joined)))

    async def limits(self, guild_id: int | None, roles: Collection[int] = ()) -> RequestLimits:
        """Return the limits of a server or, for None, of direct messages: the installation's or narrower.

        roles: the ids of the roles of the member whom the limits are for.
        """
        if guild_id is None:
            return self._widest
        limits = narrow_limits(self._widest, await self.get(guild_id))
        held = [each for each in await self.role_limits(guild_id) if each.role_id in roles]
        return limits_of_roles(self._widest, limits, held)

    async def is_open(self, guild_id: int | None, *channel_ids: int | None) -> bool:
        """Return whether heroes may be asked for in a channel; a thread is passed with its channel."""
        channels = (await self.get(guild_id)).channels if guild_id else None
        return not channels or any(channel_id in channels for channel_id in channel_ids)

    async def translator(self, guild_id: int | None, locale: str) -> Translator:
        """Return the translator for a person: their server's language, or else their Discord's locale."""
        chosen = (await self.get(guild_id)).language if guild_id else None
        return self.languages.translator_for(chosen, locale)

    def _require_narrower(
        self, cooldown: int | None, daily_per_user: int | None, daily_of_guild: int | None
    ) -> None:
        """Raise UserError if a limit is wider than the installation's."""
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


def narrow_limits(widest: RequestLimits, setting: GuildSetting) -> RequestLimits:
    """Return a server's limits: its own if they are narrower than the widest allowed ones."""
    return RequestLimits(
        max(widest.cooldown, setting.cooldown or 0.0),
        _least(widest.daily_per_user, setting.daily_per_user),
        _least(widest.daily_of_guild, setting.daily_of_guild),
    )


def limits_of_roles(
    widest: RequestLimits, limits: RequestLimits, held: Collection[RoleLimit]
) -> RequestLimits:
    """Return a member's limits: the most generous of their roles', or else those of the server.

    widest: the installation's, which no role exceeds.
    """
    cooldowns = [each.cooldown for each in held if each.cooldown is not None]
    dailies = [each.daily_per_user for each in held if each.daily_per_user is not None]
    return RequestLimits(
        max(widest.cooldown, min(cooldowns)) if cooldowns else limits.cooldown,
        _least(widest.daily_per_user, max(dailies)) if dailies else limits.daily_per_user,
        limits.daily_of_guild,
    )


def _is_wider(cap: int | None, widest: int | None) -> bool:
    return cap is not None and widest is not None and cap > widest


def _least(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)
