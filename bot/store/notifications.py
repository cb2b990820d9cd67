"""Queries on notifications to the admins, an outbox."""

import logging
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from sqlalchemy import Row, Select, Text, cast, literal, select, update

from bot.i18n.message import LocalizedMessage
from bot.store.database import Transaction
from bot.store.schema import notice

log = logging.getLogger(__name__)

ActionKind = Literal["promote", "removal"]


@dataclass(frozen=True, slots=True)
class NotificationAction:
    """What the buttons under a notification do: promote a trial's winner, or judge a reported description.

    It is stored as `promote:3` (a trial's id) or `removal:7` (a description's id).
    """

    kind: ActionKind
    subject_id: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the stored form. Any other text is logged and means no button: the message must go out."""
        kind, _, subject_id = text.partition(":")
        for known in get_args(ActionKind):
            if kind == known and subject_id.isdecimal():
                return cls(known, int(subject_id))
        log.warning("no action of a notification: %r", text)
        return None


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to the admins, with its own channel and a person to mention, if any.

    action is what its button does, None if it has no button. message_id is of the message that shows it, None
    if none does, or it was decided: while it is pending, that message is to be renewed. direct: that message
    is in somebody's direct messages. revision: how often it was changed.
    """

    id: int
    key: str
    text: LocalizedMessage
    channel_id: int | None
    mention_id: int | None
    action: NotificationAction | None
    told: bool
    at: float
    message_channel_id: int | None = None
    message_id: int | None = None
    direct: bool = False
    revision: int = 0


async def add(
    tx: Transaction,
    key: str,
    text: LocalizedMessage,
    *,
    at: float,
    channel_id: int | None = None,
    mention_id: int | None = None,
    action: NotificationAction | None = None,
) -> int:
    """Add a notification and return its id: that of an earlier one with this key, as each is sent once."""
    known = (await tx.execute(select(notice.c.id).where(notice.c.key == key))).scalar_one_or_none()
    if known is not None:
        return int(known)
    values = {
        "key": key,
        "text": text,
        "channel_id": channel_id,
        "mention_id": mention_id,
        "action": str(action) if action else None,
        "at": at,
    }
    return int((await tx.execute(notice.insert().values(values).returning(notice.c.id))).scalar_one())


def actions(kind: ActionKind, subject_ids: Select[tuple[int]]) -> Select[tuple[str]]:
    """Return a query for the stored forms of the actions on these subjects."""
    ids = subject_ids.subquery()
    return select(literal(f"{kind}:") + cast(ids.c[0], Text))


async def list_pending(tx: Transaction) -> list[Notification]:
    query = select(notice).where(notice.c.told.is_(False)).order_by(notice.c.id)
    return [_notification(row) for row in await tx.execute(query)]


def _notification(row: Row[Any]) -> Notification:
    columns: dict[str, Any] = {**row._mapping}
    if columns["action"] is not None:
        columns["action"] = NotificationAction.parse(columns["action"])
    return Notification(**columns)


async def mark_sent(
    tx: Transaction,
    key: str,
    *,
    revision: int,
    message_channel_id: int | None,
    message_id: int | None,
    direct: bool = False,
) -> None:
    """Note that a revision of a notification went out, and by which message, None if it reached nobody.

    If it was changed meanwhile, it stays pending, and its message is to be renewed. What was decided or
    deleted meanwhile is left alone. It is found by its key: the id of one that was deleted is used again.
    """
    values = {
        "told": notice.c.revision == revision,
        "message_channel_id": message_channel_id,
        "message_id": message_id,
        "direct": direct,
    }
    pending = (notice.c.key == key) & notice.c.told.is_(False)
    await tx.execute(update(notice).where(pending).values(values))


async def renew(tx: Transaction, notice_id: int, text: LocalizedMessage) -> bool:
    """Let a notification say something else, in the same message, which notifies nobody.

    Return False if there is none that waits for a decision: it was decided, or never sent.
    """
    shown = (notice.c.id == notice_id) & notice.c.message_id.is_not(None)
    values = {"text": text, "told": False, "revision": notice.c.revision + 1}
    renewed = update(notice).where(shown).values(values).returning(notice.c.id)
    return (await tx.execute(renewed)).one_or_none() is not None


async def revise_unsent(tx: Transaction, notice_id: int) -> bool:
    """Note that what a notification shows has changed, if it was never sent. Return whether that is so.

    If it is being sent just now, its message is renewed afterwards.
    """
    unsent = (notice.c.id == notice_id) & notice.c.told.is_(False) & notice.c.message_id.is_(None)
    revised = update(notice).where(unsent).values(revision=notice.c.revision + 1).returning(notice.c.id)
    return (await tx.execute(revised)).one_or_none() is not None


async def mark_decided(tx: Transaction, action: NotificationAction) -> None:
    """Neither send nor renew a notification with this action any more: it is decided."""
    values = {"told": True, "message_channel_id": None, "message_id": None}
    await tx.execute(update(notice).where(notice.c.action == str(action)).values(values))
