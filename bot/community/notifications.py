"""The outbox of messages to the admins: any process adds rows, and the bot sends each once."""

import time
from collections.abc import Callable

from bot.store import jobs, notifications
from bot.store.database import Database
from bot.store.notifications import Notification

_SENT_WITHIN = 120.0  # seconds, unless Discord takes it nowhere


class Notifications:
    """The pending notifications and their channels."""

    def __init__(
        self, db: Database, *, admin_channel: int | None, sends: Callable[[], bool] = lambda: True
    ) -> None:
        """sends: returns whether this process sends them, and so knows which Discord does not take."""
        self._db = db
        self._admin_channel = admin_channel
        self._sends = sends
        self._undelivered: set[int] = set()

    async def pending(self) -> list[tuple[Notification, list[int]]]:
        """Return pending notifications with the channels to try in order: their own, then the general one.

        The general one is the admin channel, or else the newest job's. There may be none.
        """
        async with self._db.read() as tx:
            waiting = await notifications.list_pending(tx)
            general = self._admin_channel or (await jobs.newest_channel(tx) if waiting else None)
        return [
            (notification, [channel for channel in (notification.channel_id, general) if channel])
            for notification in waiting
        ]

    async def mark_sent(
        self,
        notification: Notification,
        *,
        message_channel_id: int | None = None,
        message_id: int | None = None,
        direct: bool = False,
    ) -> None:
        """Note by which message a notification went out, None if it reached nobody and is given up.

        notification: as it was sent. If it was changed meanwhile, it stays pending. direct: the message is in
        somebody's direct messages.
        """
        async with self._db.write() as tx:
            await notifications.mark_sent(
                tx,
                notification.key,
                revision=notification.revision,
                message_channel_id=message_channel_id,
                message_id=message_id,
                direct=direct,
            )
        self._undelivered.discard(notification.id)

    def mark_undelivered(self, notification: Notification) -> None:
        """Note that a notification waits because Discord takes it nowhere, until it is sent or decided."""
        self._undelivered.add(notification.id)

    async def undelivered_reports(self) -> list[Notification]:
        """Return the notifications of reported texts that operators have to be told of in another way.

        A process that does not send them takes those for such that wait for longer than sending takes.
        """
        sends = self._sends()
        if sends and not self._undelivered:
            return []
        async with self._db.read() as tx:
            waiting = await notifications.list_pending(tx)
        if sends:
            found = [each for each in waiting if each.id in self._undelivered]
            self._undelivered = {each.id for each in found}
        else:
            late = time.time() - _SENT_WITHIN
            found = [each for each in waiting if each.message_id is None and each.at < late]
        return [each for each in found if each.action and each.action.kind == "removal"]
