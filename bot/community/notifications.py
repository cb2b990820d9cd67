"""The outbox of messages to the admins: any process adds rows, and the bot sends each once."""

from bot.store import jobs, notifications
from bot.store.database import Database
from bot.store.notifications import Notification


class Notifications:
    """The pending notifications and their channels."""

    def __init__(self, db: Database, *, admin_channel: int | None) -> None:
        self._db = db
        self._admin_channel = admin_channel

    async def pending(self) -> list[tuple[Notification, int]]:
        """Return pending notifications with channels.

        Those without a channel of their own use the admin channel or the newest job's, if there is one.
        """
        async with self._db.read() as tx:
            waiting = await notifications.list_pending(tx)
            general = self._admin_channel or (await jobs.newest_channel(tx) if waiting else None)
        with_channels = ((notification, notification.channel_id or general) for notification in waiting)
        return [(notification, channel) for notification, channel in with_channels if channel]

    async def mark_sent(self, notification: Notification) -> None:
        async with self._db.write() as tx:
            await notifications.mark_sent(tx, notification.id)

    async def redirect_to_admins(self, notification: Notification) -> None:
        """Send a notification to the general channel, because the bot cannot write to its own."""
        async with self._db.write() as tx:
            await notifications.clear_channel(tx, notification.id)
