"""/build-dataset: plan, write, curate and freeze a dataset."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.dataset.plan import FEWEST, MOST, MOST_REPEATS
from bot.reports import plan
from cogs.job_button import controls
from cogs.operators import require_operator
from cogs.review import buttons, show

if TYPE_CHECKING:
    from bot.client import HeroBot


class DatasetCog(commands.Cog):
    """Datasets: what the model learns from."""

    group = app_commands.Group(
        name="dataset",
        description="Datasets: what the model learns from (operators)",
        default_permissions=discord.Permissions(manage_guild=True),
        guild_only=True,
    )

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(
        name="build-dataset", description="Write, curate and freeze a new dataset version (operators)"
    )
    @app_commands.describe(
        repeats="How often each hero of the grid is written",
        model="The model that writes; the installation's AUTHOR_MODEL where left out",
        limit="At most so many examples, spread over the grid",
        budget="The most that this build may cost, in US dollars",
        batch="Through the provider's Batch API: half the price, within a day; large builds do so anyway",
    )
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def build_dataset(
        self,
        interaction: "discord.Interaction[HeroBot]",
        repeats: app_commands.Range[int, 1, MOST_REPEATS] | None = None,
        model: app_commands.Range[str, 1, 200] | None = None,
        limit: app_commands.Range[int, FEWEST, MOST] | None = None,
        budget: float | None = None,
        batch: bool | None = None,
    ) -> None:
        await require_operator(interaction)
        spec = self.app.planner.spec(repeats=repeats, model=model, limit=limit, budget=budget, batch=batch)
        await interaction.response.defer(thinking=True)
        job, forecast = await self.app.builds.plan(
            spec, requester_id=interaction.user.id, channel_id=interaction.channel_id
        )
        left = await self.app.budget.left_today()
        message = await interaction.edit_original_response(
            content=plan(spec, forecast, left), view=controls(job)
        )
        await self.app.board.shown_in(job.id, message.id)

    @group.command(description="Look at the examples of a dataset one by one: keep, edit or reject")
    @app_commands.describe(version="The dataset's version; the newest where left out")
    async def review(
        self, interaction: "discord.Interaction[HeroBot]", version: app_commands.Range[int, 1] | None = None
    ) -> None:
        await require_operator(interaction)
        page = await self.app.reviews.next(version)
        view = buttons(page) or discord.utils.MISSING
        await interaction.response.send_message(show(page), view=view, ephemeral=True)
