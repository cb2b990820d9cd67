"""Queries on the messages that show a description's card."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import card_post
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class CardPost:
    """A message with a card."""

    message_id: int
    description_id: int
    channel_id: int
    at: float


async def put(tx: Transaction, post: CardPost) -> None:
    """Note a message with a card, in place of another card that it showed before."""
    await upsert(tx, card_post, [(post.message_id, post.description_id, post.channel_id, post.at)])


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
