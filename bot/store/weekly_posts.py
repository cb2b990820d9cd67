"""Queries on the weekly posts of servers, and on which servers want them."""

from collections.abc import Collection

from sqlalchemy import Update, delete, select, tuple_, update

from bot.store.database import Transaction
from bot.store.guilds import GuildSetting
from bot.store.schema import guild_setting, weekly_post
from bot.store.upsert import insert_new

Key = tuple[int, str]
"""A server's id and a week."""


async def list_wanted(tx: Transaction) -> list[GuildSetting]:
    """Return the settings of servers that want a weekly post."""
    columns = guild_setting.c
    wanted = (columns.weekly_channel, columns.weekly_day, columns.weekly_hour)
    query = select(guild_setting).where(*(column.is_not(None) for column in wanted))
    return [GuildSetting(**row._mapping) for row in await tx.execute(query.order_by(columns.guild_id))]


async def list_written(tx: Transaction, keys: Collection[Key]) -> set[Key]:
    """Return which of these weeks have a row."""
    columns = (weekly_post.c.guild_id, weekly_post.c.week)
    return {
        (guild_id, week)
        for guild_id, week in await tx.execute(select(*columns).where(tuple_(*columns).in_(keys)))
    }


async def claim(
    tx: Transaction, key: Key, *, description_id: int | None, channel_id: int | None, at: float
) -> bool:
    """Write a week's row. Return False if there is one: another process or an earlier start was first."""
    guild_id, week = key
    return await insert_new(
        tx,
        weekly_post,
        guild_id=guild_id,
        week=week,
        description_id=description_id,
        channel_id=channel_id,
        at=at,
    )


async def set_description(tx: Transaction, key: Key, description_id: int | None) -> None:
    await tx.execute(_update(key).values(description_id=description_id))


async def set_message(tx: Transaction, key: Key, message_id: int) -> None:
    await tx.execute(_update(key).values(message_id=message_id))


async def remove_unposted(tx: Transaction, key: Key) -> None:
    """Delete a week's row unless something was posted, so that the week is due again."""
    guild_id, week = key
    mine = (weekly_post.c.guild_id == guild_id) & (weekly_post.c.week == week)
    await tx.execute(delete(weekly_post).where(mine, weekly_post.c.message_id.is_(None)))


def _update(key: Key) -> Update:
    guild_id, week = key
    return update(weekly_post).where(weekly_post.c.guild_id == guild_id, weekly_post.c.week == week)
