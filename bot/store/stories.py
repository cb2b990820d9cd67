"""Queries on stories: a hero's text and the scenes after it, each of which knows the one before."""

from sqlalchemy import select

from bot.store import descriptions
from bot.store.database import Transaction
from bot.store.descriptions import ONE_HERO_KINDS, Description
from bot.store.schema import description


async def until(tx: Transaction, description_id: int) -> list[Description]:
    """Return the texts from the hero on until this one; empty if there is no such text."""
    told: list[Description] = []
    next_id: int | None = description_id
    while next_id is not None and (each := await descriptions.get(tx, next_id)):
        told.insert(0, each)
        next_id = each.parent_id if each.kind == "scene" else None
    return told


async def newest_id(tx: Transaction, requester: str, channel_id: int) -> int | None:
    """Return the newest hero or scene of a person (a pseudonym) that a channel shows; None if none."""
    query = (
        select(description.c.id)
        .where(
            description.c.requester == requester,
            description.c.channel_id == channel_id,
            description.c.kind.in_((*ONE_HERO_KINDS, "scene")),
            description.c.message_id.is_not(None),
            description.c.removed_at.is_(None),
        )
        .order_by(description.c.created_at.desc(), description.c.id.desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def last_id(tx: Transaction, description_id: int) -> int:
    """Return the last scene that anybody told after a text, the newest one at each step; itself if none.

    Scenes whose messages were deleted are passed over: nobody can read on from them.
    """
    while True:
        query = (
            select(description.c.id)
            .where(
                description.c.parent_id == description_id,
                description.c.kind == "scene",
                description.c.message_id.is_not(None),
                description.c.removed_at.is_(None),
            )
            .order_by(description.c.id.desc())
            .limit(1)
        )
        found = (await tx.execute(query)).scalar_one_or_none()
        if found is None:
            return description_id
        description_id = found
