"""Queries on reactions: what was clicked on a description, as it was clicked."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import description, reaction


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji of one voter (an HMAC) on one description of a model; by_requester marks the asker's own."""

    description_id: int
    model: str
    voter: str
    emoji: str
    at: float
    by_requester: bool


async def add(
    tx: Transaction, description_id: int, voter: str, emoji: str, *, value: int, source: str, at: float
) -> None:
    """Keep a click. The same emoji clicked again counts from the later moment."""
    await remove(tx, description_id, voter=voter, emoji=emoji)
    values = {
        "description_id": description_id,
        "voter": voter,
        "emoji": emoji,
        "value": value,
        "source": source,
        "at": at,
    }
    await tx.execute(reaction.insert().values(values))


async def remove(
    tx: Transaction, description_id: int, *, voter: str | None = None, emoji: str | None = None
) -> None:
    """Withdraw clicks: one voter's emoji, one emoji of everyone, or all of them."""
    gone = delete(reaction).where(reaction.c.description_id == description_id)
    if voter is not None:
        gone = gone.where(reaction.c.voter == voter)
    if emoji is not None:
        gone = gone.where(reaction.c.emoji == emoji)
    await tx.execute(gone)


async def every(tx: Transaction) -> list[Reaction]:
    """All clicks in the order in which they were made."""
    query = (
        select(
            reaction.c.description_id,
            description.c.model,
            reaction.c.voter,
            reaction.c.emoji,
            reaction.c.at,
            (reaction.c.voter == description.c.requester).label("by_requester"),
        )
        .join(description, description.c.id == reaction.c.description_id)
        .order_by(reaction.c.at)
    )
    return [Reaction(*row) for row in await tx.execute(query)]
