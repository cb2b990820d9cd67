"""Queries on the messages that show a description's card."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import card_post


@dataclass(frozen=True, slots=True)
class CardPost:
    """A message with a card."""

    message_id: int
    description_id: int
    channel_id: int
    at: float


async def add(tx: Transaction, post: CardPost) -> None:
    values = {
        "message_id": post.message_id,
        "description_id": post.description_id,
        "channel_id": post.channel_id,
        "at": post.at,
    }
    await tx.execute(card_post.insert().values(values))


async def list_of(tx: Transaction, description_id: int) -> list[CardPost]:
    """Return the messages with a description's card, the newest first."""
    query = select(card_post).where(card_post.c.description_id == description_id)
    return [CardPost(**row._mapping) for row in await tx.execute(query.order_by(card_post.c.at.desc()))]


async def remove(tx: Transaction, message_ids: Collection[int]) -> None:
    """Forget messages that are deleted."""
    await tx.execute(delete(card_post).where(card_post.c.message_id.in_(message_ids)))


async def forget_messages(tx: Transaction) -> None:
    """Forget all messages: a playground's messages end with its page."""
    await tx.execute(delete(card_post))
