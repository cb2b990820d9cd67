"""Queries on what servers were told once: the greeting, and what thumbs are for."""

from sqlalchemy import or_, select, update

from bot.store.database import Transaction
from bot.store.schema import guild_greeting
from bot.store.upsert import insert_new

_columns = guild_greeting.c


async def claim_greeting(tx: Transaction, guild_id: int, *, at: float, again_before: float) -> bool:
    """Note that a server is greeted now. Return False if it was greeted at or after `again_before`."""
    await insert_new(tx, guild_greeting, guild_id=guild_id)
    is_due = or_(_columns.greeted_at.is_(None), _columns.greeted_at < again_before)
    mine = update(guild_greeting).where(_columns.guild_id == guild_id, is_due)
    return bool((await tx.execute(mine.values(greeted_at=at))).rowcount)


async def release_greeting(tx: Transaction, guild_id: int) -> None:
    """Forget that a server was greeted."""
    mine = update(guild_greeting).where(_columns.guild_id == guild_id)
    await tx.execute(mine.values(greeted_at=None))


async def is_explained(tx: Transaction, guild_id: int) -> bool:
    """Return whether a server was told what thumbs are for."""
    query = select(_columns.explained_at).where(_columns.guild_id == guild_id)
    return (await tx.execute(query)).scalar_one_or_none() is not None


async def mark_explained(tx: Transaction, guild_id: int, *, at: float) -> None:
    """Note that a server was told what thumbs are for."""
    await insert_new(tx, guild_greeting, guild_id=guild_id)
    mine = update(guild_greeting).where(_columns.guild_id == guild_id)
    await tx.execute(mine.values(explained_at=at))
