"""Sends pending notifications to admins."""

import logging

import discord
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot
from bot.i18n.message import Translator
from bot.store.notifications import Notification, NotificationAction
from cogs.common.locale import translator_in
from cogs.common.markdown import with_mention
from cogs.models.buttons import promotion_view
from cogs.moderation.buttons import verdict_view

log = logging.getLogger(__name__)


class NotificationsCog(commands.Cog):
    """Sends each notification once, to its own channel or to the admin channel."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.send_pending.start()

    async def cog_unload(self) -> None:
        self.send_pending.cancel()

    @tasks.loop(seconds=10)
    async def send_pending(self) -> None:
        """Send all pending notifications. A failure of one does not stop the others."""
        try:
            for notification, channel_id in await self.app.notifications.pending():
                try:
                    await self._send(notification, channel_id)
                except (discord.Forbidden, discord.NotFound) as error:
                    if notification.channel_id is not None:
                        await self.app.notifications.redirect_to_admins(notification)
                        continue
                    log.warning(
                        "notification %d (%s): channel %d is closed: %s",
                        notification.id,
                        notification.text,
                        channel_id,
                        error,
                    )
                    if notification.action:  # it asks for a decision, so it waits until somebody can see it
                        continue
                except discord.HTTPException as error:
                    log.warning("notification %d: Discord is in trouble: %s", notification.id, error)
                    continue
                await self.app.notifications.mark_sent(notification)
        except Exception:
            log.exception("notifications could not be sent")

    @send_pending.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _send(self, notification: Notification, channel_id: int) -> None:
        t = await translator_in(self.bot, channel_id)
        text, mentions = with_mention(t(notification.text), notification.mention_id)
        channel = self.bot.get_partial_messageable(channel_id)
        view = _action_view(t, notification.action) if notification.action else discord.utils.MISSING
        await channel.send(text[:2000], allowed_mentions=mentions, view=view)


def _action_view(t: Translator, action: NotificationAction) -> discord.ui.View:
    """Return the buttons for a notification's action."""
    views = {"promote": promotion_view, "removal": verdict_view}
    return views[action.kind](t, action.subject_id)
