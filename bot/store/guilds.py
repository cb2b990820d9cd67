"""Queries on guilds: what the admins of a server set for it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from bot.store.database import Transaction
from bot.store.schema import guild_setting


@dataclass(frozen=True, slots=True)
class GuildSetting:
    """What a server's admins set; None where the installation's own holds.

    channels are the ids of those where heroes may be asked for; cooldown is in seconds; the daily ones count
    descriptions of one member and of the whole server; language is a code such as de.
    """

    guild_id: int
    channels: list[int] | None = None
    cooldown: float | None = None
    daily_per_user: int | None = None
    daily_of_guild: int | None = None
    language: str | None = None
    at: float = 0.0


async def get(tx: Transaction, guild_id: int) -> GuildSetting | None:
    row = (await tx.execute(select(guild_setting).where(guild_setting.c.guild_id == guild_id))).one_or_none()
    return GuildSetting(**row._mapping) if row else None


async def change(tx: Transaction, guild_id: int, *, at: float, **values: Any) -> GuildSetting:
    """Set some of a server's own; None gives the installation's back its place."""
    if await get(tx, guild_id) is None:
        await tx.execute(guild_setting.insert().values(guild_id=guild_id, at=at, **values))
    else:
        mine = guild_setting.c.guild_id == guild_id
        await tx.execute(update(guild_setting).where(mine).values(at=at, **values))
    row = (await tx.execute(select(guild_setting).where(guild_setting.c.guild_id == guild_id))).one()
    return GuildSetting(**row._mapping)


async def with_settings(tx: Transaction) -> list[int]:
    """The servers for which anything was set."""
    return list((await tx.execute(select(guild_setting.c.guild_id))).scalars())


async def forget(tx: Transaction, guild_id: int) -> None:
    """Drop all that a server's admins set."""
    await tx.execute(delete(guild_setting).where(guild_setting.c.guild_id == guild_id))
