"""Queries on notices: what the admins are to be told."""

from dataclasses import dataclass

from sqlalchemy import select, update

from bot.i18n.message import LocalizedMessage
from bot.store.database import Transaction
from bot.store.schema import notice


@dataclass(frozen=True, slots=True)
class Notification:
    """A sentence for the admins: in its own channel and to its own person, where it has these.

    action is what its button does, None where it has none.
    """

    id: int
    key: str
    text: LocalizedMessage
    channel_id: int | None
    mention_id: int | None
    action: str | None
    told: bool
    at: float


async def add(
    tx: Transaction,
    key: str,
    text: LocalizedMessage,
    *,
    at: float,
    channel_id: int | None = None,
    mention_id: int | None = None,
    action: str | None = None,
) -> bool:
    """Keep a sentence to be told. False where one of that key was kept before: each is told once."""
    known = (await tx.execute(select(notice.c.id).where(notice.c.key == key))).scalar_one_or_none()
    if known is not None:
        return False
    values = {
        "key": key,
        "text": text,
        "channel_id": channel_id,
        "mention_id": mention_id,
        "action": action,
        "at": at,
    }
    await tx.execute(notice.insert().values(values))
    return True


async def pending(tx: Transaction) -> list[Notification]:
    query = select(notice).where(notice.c.told.is_(False)).order_by(notice.c.id)
    return [Notification(**row._mapping) for row in await tx.execute(query)]


async def mark_sent(tx: Transaction, notice_id: int) -> None:
    await tx.execute(update(notice).where(notice.c.id == notice_id).values(told=True))


async def anywhere(tx: Transaction, notice_id: int) -> None:
    """Take a notice's own channel from it."""
    await tx.execute(update(notice).where(notice.c.id == notice_id).values(channel_id=None))
