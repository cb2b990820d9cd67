"""Sends pending notifications to admins."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import discord
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy, Undeliverable
from bot.i18n.message import Translator
from bot.store.notifications import Notification
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, NOWHERE, Backoff, deliver, is_temporary, places
from cogs.common.locale import translator_in
from cogs.common.markdown import with_mention
from cogs.models.buttons import promotion_view
from cogs.moderation.notices import report_notice

log = logging.getLogger(__name__)

_MAX_WAIT = 60  # rounds of ten seconds, between tries in an outage
_MAX_TRIES = 150  # about a day
_DAY = 8640  # rounds


@dataclass(frozen=True, slots=True)
class _Sent:
    """A notification as it went out, and by which message, None if it is given up."""

    notification: Notification
    channel_id: int | None = None
    message_id: int | None = None
    direct: bool = False


class NotificationsCog(commands.Cog):
    """Sends each notification once: to its own channel, the admin channel, or the person whom it concerns.

    Of several processes the one that leads does it: no server's shard is needed to send.
    """

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._backoff = Backoff(longest=_MAX_WAIT, tries=_MAX_TRIES)
        # by a notification's key, how it went out, until that is stored
        self._sent: dict[str, _Sent] = {}

    async def cog_load(self) -> None:
        self.send_pending.start()

    async def cog_unload(self) -> None:
        self.send_pending.cancel()

    @tasks.loop(seconds=10)
    async def send_pending(self) -> None:
        """Send all pending notifications. A failure of one does not stop the others."""
        self._backoff.next_round()
        try:
            pending = await self.app.notifications.pending() if await self.app.leases.lead() else []
        except Exception:
            log.exception("notifications could not be sent")
            return
        for notification, channel_ids in pending:
            # a new channel, such as that of the first job, is tried at once
            if self._backoff.is_due((notification.key, *channel_ids)) and await self.app.leases.lead():
                await self._try_to_send(notification, channel_ids)

    @send_pending.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _try_to_send(self, notification: Notification, channel_ids: list[int]) -> None:
        key = (notification.key, *channel_ids)
        try:
            if notification.key not in self._sent:
                self._sent[notification.key] = await self._send(notification, channel_ids)
            await self._mark_sent(notification.key)
            self._backoff.forget(key)
        except Undeliverable:
            self._give_up(notification, channel_ids)
        except DISCORD_FAILURES as error:
            log.warning("notification %d: Discord is in trouble: %s", notification.id, error)
            if not self._backoff.fail(key):
                self._give_up(notification, channel_ids)
        except DatabaseBusy as error:
            log.warning("notification %d: a later round goes on: %s", notification.id, error)
            self._backoff.fail(key)
        except Exception:
            log.exception("notification %d could not be sent", notification.id)
            self._backoff.fail(key)

    async def _send(self, notification: Notification, channel_ids: list[int]) -> _Sent:
        """Send a notification, or renew its message."""
        render = await self._renderer(notification)
        if await self._renew(notification, render):
            return _Sent(
                notification,
                notification.message_channel_id,
                notification.message_id,
                direct=notification.direct,
            )
        for place in places(channel_ids, notification.mention_id or self._owner_id()):
            private = place.channel_id in (None, self.app.settings.admin_channel)
            try:
                message = await deliver(self.bot, [place], partial(render, private=private))
            except Undeliverable:
                continue
            direct = isinstance(message.channel, discord.DMChannel)
            return _Sent(notification, message.channel.id, message.id, direct=direct)
        raise Undeliverable(NOWHERE)

    async def _renderer(self, notification: Notification) -> Callable[..., MessageContent]:
        """Return what renders a notification, given a language, and whether operators alone read there."""

        def render(t: Translator) -> MessageContent:
            text, mentions = with_mention(t(notification.text), notification.mention_id)
            view = promotion_view(t, action.subject_id) if action else None
            return MessageContent(content=text[:2000], view=view, allowed_mentions=mentions)

        action = notification.action
        if action and action.kind == "removal":
            return (await report_notice(self.bot, notification, action.subject_id)).content
        return lambda t, **_: render(t)

    async def _renew(self, notification: Notification, render: Callable[..., MessageContent]) -> bool:
        """Edit the message of a notification. Return whether there is one that can be edited."""
        channel_id, message_id = notification.message_channel_id, notification.message_id
        if channel_id is None or message_id is None:
            return False
        message = self.bot.get_partial_messageable(channel_id).get_partial_message(message_id)
        private = notification.direct or channel_id == self.app.settings.admin_channel
        content = render(await translator_in(self.bot, channel_id), private=private)
        try:
            await message.edit(**content.edit_kwargs)
        except discord.HTTPException as error:
            if is_temporary(error):
                raise
            log.info("notification %d is sent anew: %s", notification.id, error)
            return False
        return True

    def _give_up(self, notification: Notification, channel_ids: list[int]) -> None:
        """Log it. What asks for a decision, or had no channel, waits for one, a day, or a restart.

        The log does not say what it tells: that may be about a person, and nothing deletes it from there.
        """
        log.warning("notification %d (%s) reached nobody", notification.id, notification.key)
        if notification.action or not channel_ids:
            key = (notification.key, *channel_ids)
            self._backoff.forget(key)
            self._backoff.wait(key, _DAY)
            self.app.notifications.mark_undelivered(notification)
        else:
            self._sent[notification.key] = _Sent(notification)  # the next round notes it

    async def _mark_sent(self, key: str) -> None:
        sent = self._sent[key]
        await self.app.notifications.mark_sent(
            sent.notification,
            message_channel_id=sent.channel_id,
            message_id=sent.message_id,
            direct=sent.direct,
        )
        del self._sent[key]

    def _owner_id(self) -> int | None:
        """Return who owns the application at Discord."""
        application = self.bot.application
        if application is None:
            return None
        return (application.team.owner_id if application.team else None) or application.owner.id
