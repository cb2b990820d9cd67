"""Sends pending notifications to admins."""

import logging

from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy, Undeliverable
from bot.i18n.message import Translator
from bot.store.notifications import Notification
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, Backoff, deliver, places
from cogs.common.markdown import with_mention
from cogs.models.buttons import promotion_view
from cogs.moderation.notices import report_notice

log = logging.getLogger(__name__)

_MAX_WAIT = 60  # rounds of ten seconds, between tries in an outage
_MAX_TRIES = 150  # about a day
_DAY = 8640  # rounds


class NotificationsCog(commands.Cog):
    """Sends each notification once: to its own channel, the admin channel, or the person whom it concerns."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._backoff = Backoff(longest=_MAX_WAIT, tries=_MAX_TRIES)
        self._sent: set[int] = set()  # notifications that went out, until that is stored

    async def cog_load(self) -> None:
        self.send_pending.start()

    async def cog_unload(self) -> None:
        self.send_pending.cancel()

    @tasks.loop(seconds=10)
    async def send_pending(self) -> None:
        """Send all pending notifications. A failure of one does not stop the others."""
        self._backoff.next_round()
        try:
            pending = await self.app.notifications.pending()
        except Exception:
            log.exception("notifications could not be sent")
            return
        for notification, channel_ids in pending:
            if self._backoff.is_due(notification.id):
                await self._try_to_send(notification, channel_ids)

    @send_pending.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _try_to_send(self, notification: Notification, channel_ids: list[int]) -> None:
        try:
            if notification.id not in self._sent:
                await self._send(notification, channel_ids)
            await self._mark_sent(notification)
        except Undeliverable:
            self._give_up(notification)
        except DISCORD_FAILURES as error:
            log.warning("notification %d: Discord is in trouble: %s", notification.id, error)
            if not self._backoff.fail(notification.id):
                self._give_up(notification)
        except DatabaseBusy as error:
            log.warning("notification %d: a later round goes on: %s", notification.id, error)
            self._backoff.fail(notification.id)
        except Exception:
            log.exception("notification %d could not be sent", notification.id)
            self._backoff.fail(notification.id)

    async def _send(self, notification: Notification, channel_ids: list[int]) -> None:
        def render(t: Translator) -> MessageContent:
            text, mentions = with_mention(t(notification.text), notification.mention_id)
            view = promotion_view(t, action.subject_id) if action else None
            return MessageContent(content=text[:2000], view=view, allowed_mentions=mentions)

        action = notification.action
        if action and action.kind == "removal":
            private = set(channel_ids) == {self.app.settings.admin_channel}
            notice = await report_notice(self.bot, notification, action.subject_id, private=private)
            render = notice.content
        person = notification.mention_id or self._owner_id()
        await deliver(self.bot, places(channel_ids, person), render)
        self._sent.add(notification.id)

    def _give_up(self, notification: Notification) -> None:
        """Log it. What asks for a decision waits for a day, or a restart: until then somebody may see it.

        The log does not say what it tells: that may be about a person, and nothing deletes it from there.
        """
        log.warning("notification %d (%s) reached nobody", notification.id, notification.key)
        if notification.action:
            self._backoff.forget(notification.id)
            self._backoff.wait(notification.id, _DAY)
        else:
            self._sent.add(notification.id)  # the next round notes it

    async def _mark_sent(self, notification: Notification) -> None:
        await self.app.notifications.mark_sent(notification)
        self._sent.discard(notification.id)
        self._backoff.forget(notification.id)

    def _owner_id(self) -> int | None:
        """Return who owns the application at Discord."""
        application = self.bot.application
        if application is None:
            return None
        return (application.team.owner_id if application.team else None) or application.owner.id
