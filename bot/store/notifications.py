"""Queries on notifications to the admins, an outbox."""

import logging
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from sqlalchemy import Row, Select, Text, cast, delete, literal, or_, select, update

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

    action is what its button does, None if it has no button.
    """

    id: int
    key: str
    text: LocalizedMessage
    channel_id: int | None
    mention_id: int | None
    action: NotificationAction | None
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
    action: NotificationAction | None = None,
) -> bool:
    """Add a notification. Return False if one with this key was added before: each is sent once."""
    known = (await tx.execute(select(notice.c.id).where(notice.c.key == key))).scalar_one_or_none()
    if known is not None:
        return False
    values = {
        "key": key,
        "text": text,
        "channel_id": channel_id,
        "mention_id": mention_id,
        "action": str(action) if action else None,
        "at": at,
    }
    await tx.execute(notice.insert().values(values))
    return True


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


async def list_by_action(tx: Transaction, action: NotificationAction) -> list[Notification]:
    """Return all notifications with this action, sent or not, oldest first."""
    query = select(notice).where(notice.c.action == str(action)).order_by(notice.c.id)
    return [_notification(row) for row in await tx.execute(query)]


async def rewrite(tx: Transaction, notice_id: int, text: LocalizedMessage, *, told: bool) -> None:
    await tx.execute(update(notice).where(notice.c.id == notice_id).values(text=text, told=told))


def words_of(notification: LocalizedMessage) -> str:
    """Return what the reporter wrote of their own; empty if nothing."""
    reason = notification.fields.get("reason")
    return str(reason.fields.get("words", "")) if isinstance(reason, LocalizedMessage) else ""


def without_words(notification: LocalizedMessage) -> LocalizedMessage:
    """Return a notification with the reason that was chosen, and without the reporter's own words."""
    reason = notification.fields.get("reason")
    if not isinstance(reason, LocalizedMessage) or "words" not in reason.fields:
        return notification
    return LocalizedMessage(
        notification.template, **{**notification.fields, "reason": reason.fields["chosen"]}
    )


async def remove_words(tx: Transaction, stored_actions: Select[tuple[str]]) -> None:
    """Take the reporters' own words out of the notifications with these actions."""
    for row in await tx.execute(select(notice).where(notice.c.action.in_(stored_actions))):
        if words_of(row.text):
            await rewrite(tx, row.id, without_words(row.text), told=row.told)


async def withdraw(tx: Transaction, key: str) -> None:
    """Delete a notification, and those whose keys continue this one with a colon, if not sent yet."""
    theirs = or_(notice.c.key == key, notice.c.key.startswith(f"{key}:", autoescape=True))
    await tx.execute(delete(notice).where(theirs, notice.c.told.is_(False)))


async def mark_sent(tx: Transaction, notice_id: int) -> None:
    await tx.execute(update(notice).where(notice.c.id == notice_id).values(told=True))
