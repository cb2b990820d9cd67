"""/finetune: tune a model on a dataset."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.tuning.finetune import MOST_EPOCHS
from cogs.operators import require_operator

if TYPE_CHECKING:
    from bot.client import HeroBot


class TuningCog(commands.Cog):
    """Tuning: the model learns what the dataset holds."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Tune a model on a dataset (operators)")
    @app_commands.describe(
        dataset="The dataset's version; the newest where left out",
        epochs="How often the model sees each text; the model server chooses where left out",
    )
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def finetune(
        self,
        interaction: "discord.Interaction[HeroBot]",
        dataset: app_commands.Range[int, 1] | None = None,
        epochs: app_commands.Range[int, 1, MOST_EPOCHS] | None = None,
    ) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True)
        base = self.app.settings.base_model
        job, chosen = await self.app.finetunes.order(
            base=base,
            version=dataset,
            epochs=epochs,
            requester_id=interaction.user.id,
            channel_id=interaction.channel_id,
        )
        train, valid = chosen.counts.get("train", 0), chosen.counts.get("valid", 0)
        message = await interaction.edit_original_response(
            content=f"**Fine-tuning {base}** on dataset v{chosen.id}: "
            f"{train} texts to learn from, {valid} held out to measure."
        )
        await self.app.board.shown_in(job.id, message.id)
