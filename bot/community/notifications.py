"""Notices: rows by which any part tells the admins something; the bot turns each into a message, once."""

from bot.store import jobs, notifications
from bot.store.database import Database
from bot.store.notifications import Notification


class Notifications:
    """What is still to be told, and where."""

    def __init__(self, db: Database, *, admin_channel: int | None) -> None:
        self._db = db
        self._admin_channel = admin_channel

    async def pending(self) -> list[tuple[Notification, int]]:
        """Each notice with its channel; those without one wait until there is an admin channel or a job's."""
        async with self._db.read() as tx:
            waiting = await notifications.list_pending(tx)
            general = self._admin_channel or (await jobs.newest_channel(tx) if waiting else None)
        placed = ((each, each.channel_id or general) for each in waiting)
        return [(each, channel) for each, channel in placed if channel]

    async def mark_sent(self, notice: Notification) -> None:
        async with self._db.write() as tx:
            await notifications.mark_sent(tx, notice.id)

    async def redirect_to_admins(self, notice: Notification) -> None:
        """Let the general channel have what its own is closed to."""
        async with self._db.write() as tx:
            await notifications.clear_channel(tx, notice.id)
