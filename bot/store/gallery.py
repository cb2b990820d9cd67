"""Queries on the gallery: the texts that those who asked for them, and their servers, let the public see."""

from sqlalchemy import ColumnElement, and_, select, true

from bot.store.database import Transaction
from bot.store.schema import description, guild_setting, member_setting


def is_public() -> ColumnElement[bool]:
    """Return the condition under which a row of description may be in the gallery, for a few rows."""
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
    """Return the ids of all texts for the gallery, the newest first."""
    query = (
        select(description.c.id)
        .join(member_setting, member_setting.c.person == description.c.requester)
        .join(guild_setting, guild_setting.c.guild_id == description.c.guild_id)
        .where(
            member_setting.c.in_gallery == true(),
            guild_setting.c.in_gallery == true(),
            description.c.removed_at.is_(None),
        )
        .order_by(description.c.id.desc())
    )
    return list((await tx.execute(query)).scalars())


async def list_ids_of(tx: Transaction, requester: str) -> list[int]:
    """Return the ids of all visible texts that a person (a pseudonym) asked for, the newest first."""
    query = select(description.c.id).where(
        description.c.requester == requester, description.c.removed_at.is_(None)
    )
    return list((await tx.execute(query.order_by(description.c.id.desc()))).scalars())
