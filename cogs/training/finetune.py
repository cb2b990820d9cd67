"""/finetune: fine-tune a model on a dataset."""

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.presentation.finetune import finetune_plan_text
from bot.store.job_schema import Method
from bot.tuning.estimate import MAX_EPOCHS
from cogs.common.content import MessageContent
from cogs.common.locale import job_language, translator_of
from cogs.common.permissions import admins_only, operators_only
from cogs.common.responses import answer
from cogs.training.job_buttons import job_view


class FinetuneCog(commands.Cog):
    """Tuning: the model learns what the dataset holds."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Train a model on a dataset (operators)")
    @app_commands.rename(base_model="base-model")
    @app_commands.describe(
        dataset="The dataset's version; if left out, the newest",
        base_model="The model to start from; if left out, the one in the setting BASE_MODEL",
        method="supervised: from texts; dpo: rated pairs; kto: thumbs; if left out, what fits the dataset",
        epochs="How often the model reads each text; if left out, as often as is usual",
    )
    @admins_only
    @operators_only
    async def finetune(
        self,
        interaction: Interaction,
        dataset: app_commands.Range[int, 1] | None = None,
        base_model: app_commands.Range[str, 1, 200] | None = None,
        method: Method | None = None,
        epochs: app_commands.Range[int, 1, MAX_EPOCHS] | None = None,
    ) -> None:
        await interaction.response.defer(thinking=True)
        job, estimate = await self.app.finetunes.plan(
            dataset=dataset,
            base=base_model,
            method=method,
            epochs=epochs,
            language=await job_language(interaction),
            requester_id=interaction.user.id,
            channel_id=interaction.channel_id,
        )
        remaining = await self.app.budget.remaining_today()
        t = await translator_of(interaction)
        message = await answer(
            interaction,
            MessageContent(content=finetune_plan_text(t, estimate, remaining), view=job_view(t, job)),
        )
        await self.app.jobs.set_message(job.id, message.id)
