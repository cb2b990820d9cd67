"""Reports whose notices Discord took nowhere: operators see them under the answers of their commands."""

import logging
from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of
from cogs.common.permissions import is_for_admins, is_operator
from cogs.moderation.notices import report_notice

log = logging.getLogger(__name__)

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


class UndeliveredReportsCog(commands.Cog):
    """Shows the oldest of these notices, with its buttons, to the operator who has used a command.

    They wait if there is neither an admin channel nor a job yet, and the application's owner takes no direct
    messages. Nobody else may see them.
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
        above = t.count(
            "📥 {number} report waits for a decision, and there is no channel for it: set `ADMIN_CHANNEL` in "
            "`.env`.",
            "📥 {number} reports wait for a decision, and there is no channel for them: set `ADMIN_CHANNEL` "
            "in `.env`. This is the oldest.",
            len(waiting),
        )
        notice = await report_notice(self.bot, oldest, oldest.action.subject_id, private=True)
        try:
            await interaction.followup.send(**notice.content(t, above=above).send_kwargs, ephemeral=True)
        except DISCORD_FAILURES as error:
            log.info("an operator was not told of the reports that wait: %s", error)
