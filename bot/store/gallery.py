"""Queries on the gallery: the texts that those who asked for them, and their servers, let the public see."""

from sqlalchemy import ColumnElement, and_, select, true

from bot.store.database import Transaction
from bot.store.schema import description, guild_setting, member_setting


def is_public() -> ColumnElement[bool]:
    """Return the condition of a row of description for the gallery: of few rows, none of them a scene."""
    by_person = select(member_setting.c.person).where(
        member_setting.c.person == description.c.requester, member_setting.c.in_gallery == true()
    )
    by_server = select(guild_setting.c.guild_id).where(
        guild_setting.c.guild_id == description.c.guild_id, guild_setting.c.in_gallery == true()
    )
    return and_(
        description.c.removed_at.is_(None),
        by_person.correlate(description).exists(),
        by_server.correlate(description).exists(),
    )


async def list_public_ids(tx: Transaction) -> list[int]:
    """Return the ids of all texts for the gallery, the newest first.

    A scene tells more of somebody's hero: it is among them if the hero and the scenes between are.
    """
    query = (
        select(description.c.id, description.c.kind, description.c.parent_id)
        .join(member_setting, member_setting.c.person == description.c.requester)
        .join(guild_setting, guild_setting.c.guild_id == description.c.guild_id)
        .where(
            member_setting.c.in_gallery == true(),
            guild_setting.c.in_gallery == true(),
            description.c.removed_at.is_(None),
        )
        .order_by(description.c.id)  # what a scene goes on from is older than the scene
    )
    public: dict[int, None] = {}
    for description_id, kind, parent_id in await tx.execute(query):
        if kind != "scene" or parent_id in public:
            public[description_id] = None
    return list(reversed(public))


async def list_ids_of(tx: Transaction, requester: str) -> list[int]:
    """Return the ids of all visible texts that a person (a pseudonym) asked for, the newest first."""
    query = select(description.c.id).where(
        description.c.requester == requester, description.c.removed_at.is_(None)
    )
    return list((await tx.execute(query.order_by(description.c.id.desc()))).scalars())
