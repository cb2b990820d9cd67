"""/build-dataset: write, curate and freeze a dataset."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.dataset.plan import FEWEST, MOST_REPEATS, BuildSpec
from cogs.operators import require_operator

if TYPE_CHECKING:
    from bot.client import HeroBot


class DatasetCog(commands.Cog):
    """Datasets: what the model learns from."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(
        name="build-dataset", description="Write, curate and freeze a new dataset version (operators)"
    )
    @app_commands.describe(
        repeats="How often each hero of the grid is written",
        limit="At most so many examples, spread over the grid",
    )
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def build_dataset(
        self,
        interaction: "discord.Interaction[HeroBot]",
        repeats: app_commands.Range[int, 1, MOST_REPEATS] | None = None,
        limit: app_commands.Range[int, FEWEST, 1_000_000] | None = None,
    ) -> None:
        await require_operator(interaction)
        settings = self.app.settings
        spec = BuildSpec(
            repeats=repeats or self.app.heroes.vocabulary.grid.repeats,
            limit=limit,
            model=settings.author_model,
            small=not settings.hosted,
        )
        await interaction.response.defer(thinking=True)
        job, plan = await self.app.builds.order(
            spec, requester_id=interaction.user.id, channel_id=interaction.channel_id
        )
        message = await interaction.edit_original_response(
            content=f"**Building a dataset** with {spec.model}: {plan.slots} examples, "
            f"{plan.cached} cached already, {plan.missing} to write."
        )
        await self.app.board.shown_in(job.id, message.id)
