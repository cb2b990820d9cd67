"""Tells the admins what rows have for them."""

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
    """Sends each notice once, in its own channel or in the admin channel."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.send_pending.start()

    async def cog_unload(self) -> None:
        self.send_pending.cancel()

    @tasks.loop(seconds=10)
    async def send_pending(self) -> None:
        """Send what waits. One notice's trouble leaves the others alone."""
        try:
            for notice, channel_id in await self.app.notifications.pending():
                try:
                    await self._send(notice, channel_id)
                except (discord.Forbidden, discord.NotFound) as error:
                    if notice.channel_id is not None:
                        await self.app.notifications.redirect_to_admins(notice)
                        continue
                    log.warning(
                        "notice %d (%s): channel %d is closed: %s", notice.id, notice.text, channel_id, error
                    )
                    if notice.action:  # it asks for a decision: it waits until somebody can see it
                        continue
                except discord.HTTPException as error:
                    log.warning("notice %d: Discord is in trouble: %s", notice.id, error)
                    continue
                await self.app.notifications.mark_sent(notice)
        except Exception:
            log.exception("notices could not be told")

    @send_pending.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _send(self, notice: Notification, channel_id: int) -> None:
        t = await translator_in(self.bot, channel_id)
        text, told = with_mention(t(notice.text), notice.mention_id)
        channel = self.bot.get_partial_messageable(channel_id)
        view = _view(t, notice.action) if notice.action else discord.utils.MISSING
        await channel.send(text[:2000], allowed_mentions=told, view=view)


def _view(t: Translator, action: NotificationAction) -> discord.ui.View:
    """The buttons of a notice, by its action."""
    views = {"promote": promotion_view, "removal": verdict_view}
    return views[action.kind](t, action.subject_id)
