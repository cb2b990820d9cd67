"""/models: list, check, compare, promote and retire tuned models; refresh their availability."""

import logging
import time

from discord import app_commands
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.errors import HerosmithError, UserError
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.llm.budget import Account
from bot.presentation import models
from bot.presentation.finetune import check_result_text, overrule_text
from bot.presentation.jobs import progress_bar
from bot.rating.votes import VoteCounts
from bot.registry.registry import NotPassed
from bot.store.models import Model
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.permissions import admins_group, is_operator, operators_only
from cogs.common.responses import InteractionResponder, Responder, answer, with_retries
from cogs.models.buttons import overrule_view
from cogs.models.embeds import comparison_embeds, sample_embeds

log = logging.getLogger(__name__)

_BASE_ANSWERS = mark(
    "The base model answers again: no other model was live before. `/models promote` makes any model live."
)
_MAX_LENGTH = 1900  # characters, of the 2,000 that a message may have

Number = app_commands.Range[int, 1]


class ModelsCog(commands.Cog):
    """Models: what was tuned here, which one serves, and what became of the others."""

    group = admins_group(
        name="models", description="Trained models: which there are, and which one is live (operators)"
    )

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.refresh_availability.start()
        self.prune.start()

    async def cog_unload(self) -> None:
        self.refresh_availability.cancel()
        self.prune.cancel()

    @tasks.loop(hours=6)
    async def refresh_availability(self) -> None:
        """Ask the model servers for shutdown dates, in the process that leads."""
        try:
            if await self.app.leases.lead():
                await self.app.availability.refresh()
        except Exception:
            log.exception("the availability of the models could not be refreshed")

    @tasks.loop(hours=1)
    async def prune(self) -> None:
        """Delete the files of models at the embedded engine that nobody needs, if this process leads.

        Not at the start: the engine then has other work, and a KEEP_MODELS that is too low can be mended.
        """
        if self.prune.current_loop == 0:
            return
        try:
            if await self.app.leases.lead():
                await self.app.pruner.prune()
        except HerosmithError as error:
            log.warning("old models are not deleted now: %s", error)
        except Exception:
            log.exception("old models could not be deleted")

    @group.command(name="list", description="List the trained models, the newest first")
    @operators_only
    async def list_(self, interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        votes = await self.app.votes.by_model()
        stages, trial = await self.app.registry.candidate_stages(), await self.app.trials.status()
        newest_first = reversed(await self.app.registry.all())
        t = await translator_of(interaction)
        lines = [
            models.model_line(t, each, stages.get(each.id), votes[each.name], trial) for each in newest_first
        ]
        await answer(interaction, _truncate_lines(t, lines) or t(await self._no_model()))

    @group.command(description="Show everything about a model, with its history")
    @app_commands.describe(model="The model's number; if left out, the live one")
    @operators_only
    async def show(self, interaction: Interaction, model: Number | None = None) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        number = model or await self._live_number()
        record = await self.app.registry.record(number)
        votes: VoteCounts = (await self.app.votes.by_model())[record.model.name]
        trials = await self.app.trials.of_model(number)
        stages, t = await self.app.registry.candidate_stages(), await translator_of(interaction)
        text = models.model_page(t, record, stages.get(number), votes, trials)
        await answer(interaction, _truncate_lines(t, text.split("\n")))

    @group.command(description="Let two models write the same heroes, side by side")
    @app_commands.describe(
        a="A model's number",
        b="The model to compare with; if left out, the live one, or the base model",
        hero="The hero to write, as in /hero; if left out, three heroes",
    )
    @operators_only
    async def compare(
        self,
        interaction: Interaction,
        a: Number,
        b: Number | None = None,
        hero: str | None = None,
    ) -> None:
        parsed = self.app.hero_parser.parse(hero) if hero else None
        first = await self.app.registry.get(a)
        second = await self.app.registry.get(b) if b else await self.app.registry.live()
        writers = self.app.comparer.opponents(first, second)
        responder = InteractionResponder(interaction)  # texts that were paid for outlast the interaction
        await responder.acknowledge()
        heroes = [parsed] if parsed else self.app.heroes.vocabulary.sample(interaction.id)
        written = await self.app.comparer.compare(heroes, writers, Account("hero"))
        trials = await self.app.trials.between(first.id, second.id) if second else []
        t = await translator_of(interaction)
        text = _truncate_lines(t, [models.trial_text(t, each) for each in trials])
        content = MessageContent(content=text, embeds=comparison_embeds(t, written))
        await with_retries(lambda: responder.show(content))

    @group.command(description="Make a model live in place of the one that is; its history says who did")
    @app_commands.describe(model="The model's number")
    @operators_only
    async def promote(self, interaction: Interaction, model: Number) -> None:
        await interaction.response.defer(thinking=True)
        try:
            live = await self.app.trials.make_live(model, actor_id=interaction.user.id)
        except NotPassed as refusal:
            await answer(interaction, await self._overrule_content(interaction, refusal))
            return
        template = mark("Model {number} is live. `/models rollback` undoes it.")
        await self._reply(interaction, template, live)

    @group.command(description="Go back to the model that was live before, or to the base model")
    @operators_only
    async def rollback(self, interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True)
        live = await self.app.registry.roll_back(actor_id=interaction.user.id)
        if live:
            await self._reply(interaction, mark("Model {number} is live again."), live)
        else:
            t = await translator_of(interaction)
            await answer(interaction, t(_BASE_ANSWERS))

    @group.command(description="Retire a candidate: votes cannot make it live any more")
    @app_commands.describe(model="The model's number")
    @operators_only
    async def retire(self, interaction: Interaction, model: Number) -> None:
        await interaction.response.defer(thinking=True)
        retired = await self.app.registry.retire(model, actor_id=interaction.user.id)
        await self._reply(interaction, mark("Model {number} is retired."), retired)

    @group.command(description="Read a model's texts, then let it go on or hold it back")
    @app_commands.describe(model="The model's number")
    @operators_only
    async def check(self, interaction: Interaction, model: Number) -> None:
        responder = InteractionResponder(interaction)  # texts that were paid for outlast the interaction
        await responder.acknowledge()
        await self._check(responder, await translator_of(interaction), model)

    @group.command(description="Tell the bot the name of a model that you deployed at its provider")
    @app_commands.describe(model="The model's number", name="The deployment's name at the provider")
    @operators_only
    async def deployed(
        self,
        interaction: Interaction,
        model: Number,
        name: app_commands.Range[str, 1, 200],
    ) -> None:
        responder = InteractionResponder(interaction)
        await responder.acknowledge()
        found = await self.app.registry.set_served_name(model, name.strip(), actor_id=interaction.user.id)
        if found.state == "unchecked":
            await self._check(responder, await translator_of(interaction), model)
            return
        template = mark("Model {number} answers as `{served_as}`, and is a candidate.")
        if found.state == "live":
            template = mark("Model {number} answers as `{served_as}`, and is live.")
        await self._reply(interaction, template, found)

    @show.autocomplete("model")
    @promote.autocomplete("model")
    @check.autocomplete("model")
    @retire.autocomplete("model")
    @deployed.autocomplete("model")
    @compare.autocomplete("a")
    @compare.autocomplete("b")
    async def _suggest(self, interaction: Interaction, typed: int | str) -> list[app_commands.Choice[int]]:
        if not await is_operator(interaction):
            return []
        t = await translator_of(interaction)
        shown = ((each.id, models.model_choice(t, each)) for each in reversed(await self.app.registry.all()))
        return [app_commands.Choice(name=name, value=number) for number, name in shown if str(typed) in name][
            :25
        ]

    async def _check(self, responder: Responder, t: Translator, model_id: int) -> None:
        """Check a model, and show how far that is and what it found."""
        shown_at = float("-inf")

        async def show_progress(done: int, total: int, phase: LocalizedMessage) -> None:
            nonlocal shown_at
            now = time.monotonic()
            if now - shown_at < self.app.timing.job_messages.edit_interval:
                return
            shown_at = now
            await responder.show(MessageContent(content=f"{t(phase)}\n{progress_bar(t, done, total)}"))

        checked = await self.app.finetunes.check(model_id, show_progress)
        registry = self.app.registry
        stage = (await registry.candidate_stages()).get(checked.id)
        content = check_result_text(t, checked, stage, await registry.count_ahead(checked))
        held_back = checked.verdict if checked.state == "held back" else None
        embeds = sample_embeds(t, held_back) if held_back else []
        await with_retries(lambda: responder.show(MessageContent(embeds, content=content)))

    async def _overrule_content(self, interaction: Interaction, refusal: NotPassed) -> MessageContent:
        """Return the warning that a model's check gives, with the button that overrules it."""
        t = await translator_of(interaction)
        verdict = refusal.model.verdict
        return MessageContent(
            sample_embeds(t, verdict) if verdict else [],
            content=overrule_text(t, refusal),
            view=overrule_view(t, refusal.model.id),
        )

    async def _reply(self, interaction: Interaction, template: str, model: Model) -> None:
        t = await translator_of(interaction)
        text = t(template, number=model.id, served_as=model.served_as)
        await answer(interaction, text)

    async def _live_number(self) -> int:
        """Return the number of the live model, or of the newest one. Raises UserError if there is none."""
        if live := await self.app.registry.live():
            return live.id
        if trained := await self.app.registry.all():
            return trained[-1].id
        raise UserError(await self._no_model())

    async def _no_model(self) -> LocalizedMessage:
        return models.no_model_message(await self.app.jobs.active("finetune"))


def _truncate_lines(t: Translator, lines: list[str]) -> str:
    """Join as many lines as fit into a message, and add how many were left out."""
    shown: list[str] = []
    remaining = _MAX_LENGTH
    for line in lines:
        remaining -= len(line) + 1
        if remaining < 0:
            return "\n".join([*shown, t("... and {number} more.", number=len(lines) - len(shown))])
        shown.append(line)
    return "\n".join(shown)
