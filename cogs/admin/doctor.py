"""/doctor: examine the installation from within, for operators."""

import asyncio
import time
from functools import partial
from pathlib import Path

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.connection.account import known_account
from bot.settings_file import misspelt_names
from cogs.common.locale import translator_of
from cogs.common.permissions import admins_only, operators_only
from cogs.common.responses import answer


class DoctorCog(commands.Cog):
    """The doctor: what is wrong with the installation, by what the running bot knows."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Examine the installation, and say what is wrong (operators)")
    @admins_only
    @operators_only
    async def doctor(self, interaction: Interaction) -> None:
        # loaded where it is used: the start is quicker without it, and hardly anybody asks
        from bot.doctor.examination import examine  # noqa: PLC0415
        from bot.doctor.installation import Installation  # noqa: PLC0415
        from bot.presentation.doctor import short_examination_text  # noqa: PLC0415

        now = time.time()
        # the playground's Discord has a clock of its own
        is_real = self.app.settings.discord_token is not None
        clock_ahead = now - interaction.created_at.timestamp() if is_real else None
        await interaction.response.defer(thinking=True, ephemeral=True)
        installation = Installation(
            settings=self.app.settings,
            misspelt=await asyncio.to_thread(misspelt_names, Path(".env")),
            online=True,  # the bot asks these servers anyway
            db=self.app.db,
            now=now,
            quick=True,
        )
        # of several processes one knows its own servers only: then Discord is asked
        known = partial(known_account, self.bot, clock_ahead=clock_ahead) if self.bot.served.are_all else None
        findings = await examine(installation, known)
        await answer(interaction, short_examination_text(await translator_of(interaction), findings))
