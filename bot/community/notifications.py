"""The outbox of messages to the admins: any process adds rows, and the bot sends each once."""

from bot.store import jobs, notifications
from bot.store.database import Database
from bot.store.notifications import Notification


class Notifications:
    """The pending notifications and their channels."""

    def __init__(self, db: Database, *, admin_channel: int | None) -> None:
        self._db = db
        self._admin_channel = admin_channel

    async def pending(self) -> list[tuple[Notification, list[int]]]:
        """Return pending notifications with the channels to try in order: their own, then the general one.

        The general one is the admin channel, or else the newest job's. While there is none, they wait.
        """
        async with self._db.read() as tx:
            waiting = await notifications.list_pending(tx)
            general = self._admin_channel or (await jobs.newest_channel(tx) if waiting else None)
        with_channels = (
            (notification, [channel for channel in (notification.channel_id, general) if channel])
            for notification in waiting
        )
        return [(notification, channels) for notification, channels in with_channels if channels]

    async def mark_sent(self, notification: Notification) -> None:
        async with self._db.write() as tx:
            await notifications.mark_sent(tx, notification.id)
