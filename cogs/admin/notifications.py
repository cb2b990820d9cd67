"""Tells the admins what rows have for them."""

import logging

import discord
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot
from bot.i18n.message import Language
from bot.store.notifications import Notice
from cogs.common.locale import language_in
from cogs.common.markdown import addressed
from cogs.models.buttons import promotion
from cogs.moderation.buttons import verdicts

log = logging.getLogger(__name__)


class NoticesCog(commands.Cog):
    """Sends each notice once, in its own channel or in the admin channel."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.tell.start()

    async def cog_unload(self) -> None:
        self.tell.cancel()

    @tasks.loop(seconds=10)
    async def tell(self) -> None:
        """Send what waits. One notice's trouble leaves the others alone."""
        try:
            for notice, channel_id in await self.app.notices.untold():
                try:
                    await self._send(notice, channel_id)
                except (discord.Forbidden, discord.NotFound) as error:
                    if notice.channel_id is not None:
                        await self.app.notices.to_all_admins(notice)
                        continue
                    log.warning(
                        "notice %d (%s): channel %d is closed: %s", notice.id, notice.text, channel_id, error
                    )
                    if notice.action:  # it asks for a decision: it waits until somebody can see it
                        continue
                except discord.HTTPException as error:
                    log.warning("notice %d: Discord is in trouble: %s", notice.id, error)
                    continue
                await self.app.notices.told(notice)
        except Exception:
            log.exception("notices could not be told")

    @tell.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _send(self, notice: Notice, channel_id: int) -> None:
        say = await language_in(self.bot, channel_id)
        text, told = addressed(say(notice.text), notice.mention_id)
        channel = self.bot.get_partial_messageable(channel_id)
        view = _asked(say, notice.action) if notice.action else discord.utils.MISSING
        await channel.send(text[:2000], allowed_mentions=told, view=view)


def _asked(say: Language, action: str) -> discord.ui.View:
    """The buttons of a notice, by its action: `promote:3`, `removal:7`."""
    kind, _, subject = action.partition(":")
    return {"promote": promotion, "removal": verdicts}[kind](say, int(subject))
