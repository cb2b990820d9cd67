"""Queries on the settings of servers."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from bot.store.database import Transaction
from bot.store.schema import guild_setting


@dataclass(frozen=True, slots=True)
class GuildSetting:
    """A server's settings; None where the installation's default applies.

    channels are the ids of the channels in which heroes may be asked for. cooldown is in seconds. The daily
    limits count descriptions of one member and of the server. language is a code such as de. The text of the
    week is posted in weekly_channel on weekly_day (0: Monday) at weekly_hour of the time_zone (such as
    Europe/Berlin); never if one of them is None. in_gallery: texts of the server may be in the gallery.
    """

    guild_id: int
    channels: list[int] | None = None
    cooldown: float | None = None
    daily_per_user: int | None = None
    daily_of_guild: int | None = None
    language: str | None = None
    weekly_channel: int | None = None
    weekly_day: int | None = None
    weekly_hour: int | None = None
    time_zone: str | None = None
    in_gallery: bool | None = None
    at: float = 0.0


async def get(tx: Transaction, guild_id: int) -> GuildSetting | None:
    row = (await tx.execute(select(guild_setting).where(guild_setting.c.guild_id == guild_id))).one_or_none()
    return GuildSetting(**row._mapping) if row else None


async def change(tx: Transaction, guild_id: int, *, at: float, **values: Any) -> GuildSetting:
    """Change some settings of a server; None restores the default."""
    if await get(tx, guild_id) is None:
        await tx.execute(guild_setting.insert().values(guild_id=guild_id, at=at, **values))
    else:
        mine = guild_setting.c.guild_id == guild_id
        await tx.execute(update(guild_setting).where(mine).values(at=at, **values))
    row = (await tx.execute(select(guild_setting).where(guild_setting.c.guild_id == guild_id))).one()
    return GuildSetting(**row._mapping)


async def list_ids(tx: Transaction) -> list[int]:
    """Return the ids of servers that have settings."""
    return list((await tx.execute(select(guild_setting.c.guild_id))).scalars())


async def remove(tx: Transaction, guild_id: int) -> None:
    """Delete all settings of a server."""
    await tx.execute(delete(guild_setting).where(guild_setting.c.guild_id == guild_id))
