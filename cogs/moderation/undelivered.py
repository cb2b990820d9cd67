"""Reports whose notices Discord took nowhere: operators see them under the answers of their commands."""

import logging
from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of
from cogs.common.permissions import is_for_admins, is_operator
from cogs.moderation.notices import report_notice

log = logging.getLogger(__name__)

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


class UndeliveredReportsCog(commands.Cog):
    """Shows the oldest of these notices, with its buttons, to the operator who has used a command.

    They wait if there is neither an admin channel nor a job yet, or Discord takes no message there, and the
    application's owner takes no direct messages either. Nobody else may see them.
    """

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: Interaction, command: AnyCommand) -> None:
        if not isinstance(command, app_commands.Command) or not is_for_admins(command):
            return
        waiting = await self.app.notifications.undelivered_reports()
        if not waiting or not await is_operator(interaction):
            return
        oldest = waiting[0]
        if oldest.action is None:
            return
        t = await translator_of(interaction)
        above = self._explain(t, len(waiting))
        notice = await report_notice(self.bot, oldest, oldest.action.subject_id)
        content = notice.content(t, private=True, above=above)
        try:
            await interaction.followup.send(**content.send_kwargs, ephemeral=True)
        except DISCORD_FAILURES as error:
            log.info("an operator was not told of the reports that wait: %s", error)

    def _explain(self, t: Translator, number: int) -> str:
        """Return the line above the oldest report: how many wait, and what to do about it."""
        if self.app.settings.admin_channel:
            return t.count(
                "📥 {number} report waits for a decision, and Discord takes it in no channel: check "
                "`ADMIN_CHANNEL` in `.env`, and whether I may write there.",
                "📥 {number} reports wait for a decision, and Discord takes them in no channel: check "
                "`ADMIN_CHANNEL` in `.env`, and whether I may write there. This is the oldest.",
                number,
            )
        return t.count(
            "📥 {number} report waits for a decision, and there is no channel for it: set `ADMIN_CHANNEL` in "
            "`.env`.",
            "📥 {number} reports wait for a decision, and there is no channel for them: set `ADMIN_CHANNEL` "
            "in `.env`. This is the oldest.",
            number,
        )
