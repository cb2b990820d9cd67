"""Queries on bookmarks: the descriptions that people keep."""

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import bookmark
from bot.store.upsert import upsert


async def add(tx: Transaction, person: str, description_id: int, *, at: float) -> None:
    """Keep a description for a person (a pseudonym); twice is once."""
    await upsert(tx, bookmark, [(person, description_id, at)])


async def remove(tx: Transaction, person: str, description_id: int) -> bool:
    """Return whether the person kept it."""
    mine = (bookmark.c.person == person) & (bookmark.c.description_id == description_id)
    return (await tx.execute(delete(bookmark).where(mine))).rowcount > 0


async def is_kept(tx: Transaction, person: str, description_id: int) -> bool:
    mine = (bookmark.c.person == person) & (bookmark.c.description_id == description_id)
    return (await tx.execute(select(bookmark.c.at).where(mine))).one_or_none() is not None
