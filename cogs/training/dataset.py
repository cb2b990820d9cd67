"""/build-dataset and /dataset: plan a build, freeze pairs, show the status, review examples."""

import logging

from discord import app_commands
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.dataset.build.plan import MAX_EXAMPLES, MAX_REPEATS, MIN_EXAMPLES
from bot.errors import UserError
from bot.i18n.message import mark
from bot.presentation.builds import build_plan_text, pairs_text, thumbs_text
from bot.presentation.datasets import dataset_status_text
from bot.store.datasets import DatasetKind
from bot.store.job_schema import BuildSource
from cogs.common.content import MessageContent
from cogs.common.locale import job_language, translator_of
from cogs.common.permissions import admins_group, admins_only, operators_only
from cogs.common.responses import answer
from cogs.training.job_buttons import job_view
from cogs.training.review import review_text, review_view

log = logging.getLogger(__name__)

_FROM_VOTES = {
    "preference": mark("Pairs come from votes, and nothing is written: leave the other options out."),
    "thumbs": mark("These texts come from votes, and nothing is written: leave the other options out."),
}


class DatasetCog(commands.Cog):
    """Datasets: what the model learns from."""

    group = admins_group(name="dataset", description="Datasets: what the model learns from (operators)")

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.notify_changed_thresholds.start()

    async def cog_unload(self) -> None:
        self.notify_changed_thresholds.cancel()

    @tasks.loop(count=1)
    async def notify_changed_thresholds(self) -> None:
        """Notify the admins, once this process leads, without delaying the start.

        It may lead later: the process that leads now may have been started before the thresholds changed.
        """
        try:
            await self.app.leases.until_leading()
            await self.app.dataset_statuses.notify_changed_thresholds()
        except Exception:
            log.exception("a change of the thresholds could not be checked")

    @app_commands.command(
        name="build-dataset", description="Write texts for a new dataset, and keep those that fit (operators)"
    )
    @app_commands.describe(
        kind="sft: texts to learn from (if left out); preference: rated pairs, for dpo; thumbs: for kto",
        source="model: it writes anew (if left out); shipped: texts that come with the bot",
        repeats="How many examples to write of each hero",
        model="The model that writes; if left out, the one in the setting AUTHOR_MODEL",
        limit="At most this many examples, spread over all ages, genders and powers",
        budget="The most that this build may cost, in US dollars",
        batch="Through the provider's Batch API: half the price, within a day; large builds do so anyway",
        ranked="Add texts of the live model that a ranker, which learns from votes, finds best",
    )
    @admins_only
    @operators_only
    async def build_dataset(  # noqa: PLR0913, PLR0917 (an argument for each option)
        self,
        interaction: Interaction,
        kind: DatasetKind = "sft",
        source: BuildSource | None = None,
        repeats: app_commands.Range[int, 1, MAX_REPEATS] | None = None,
        model: app_commands.Range[str, 1, 200] | None = None,
        limit: app_commands.Range[int, MIN_EXAMPLES, MAX_EXAMPLES] | None = None,
        budget: float | None = None,
        batch: bool | None = None,
        ranked: bool | None = None,
    ) -> None:
        t = await translator_of(interaction)
        options = {"repeats": repeats, "model": model, "limit": limit, "budget": budget, "batch": batch}
        if kind != "sft":
            if any(option is not None for option in (*options.values(), source, ranked)):
                raise UserError(_FROM_VOTES[kind])
            await interaction.response.defer(thinking=True)
            if kind == "preference":
                text = pairs_text(t, await self.app.pairs.freeze())
            else:
                text = thumbs_text(t, await self.app.judged_texts.freeze())
            await answer(interaction, text)
            return
        spec = self.app.planner.spec(source or "model", ranked=ranked, **options)
        await interaction.response.defer(thinking=True)
        spec = spec.model_copy(update={"language": await job_language(interaction)})
        job, estimate = await self.app.builds.plan(
            spec, requester_id=interaction.user.id, channel_id=interaction.channel_id
        )
        remaining = await self.app.budget.remaining_today()
        message = await answer(
            interaction,
            MessageContent(content=build_plan_text(t, spec, estimate, remaining), view=job_view(t, job)),
        )
        await self.app.jobs.set_message(job.id, message.id)

    @group.command(
        description="The newest dataset, which votes count, and what the next dataset would take in"
    )
    @app_commands.rename(min_voters="min-voters")
    @app_commands.describe(
        min_voters="Try another number of voters, without setting it",
        above="Try another share of thumbs up, from 0 to 1",
        confidence="Try another confidence, between 0 and 1",
    )
    @operators_only
    async def status(
        self,
        interaction: Interaction,
        min_voters: app_commands.Range[int, 1, 1000] | None = None,
        above: float | None = None,
        confidence: float | None = None,
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        status = await self.app.dataset_statuses.status(
            min_voters=min_voters, above=above, confidence=confidence
        )
        await answer(interaction, dataset_status_text(await translator_of(interaction), status))

    @group.command(description="Read the examples of a dataset one by one: keep, edit or reject")
    @app_commands.describe(version="The dataset's version; if left out, the newest")
    @operators_only
    async def review(
        self, interaction: Interaction, version: app_commands.Range[int, 1] | None = None
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        page = await self.app.reviews.next(version)
        t = await translator_of(interaction)
        await answer(interaction, MessageContent(content=review_text(t, page), view=review_view(t, page)))
