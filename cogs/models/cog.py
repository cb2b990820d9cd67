"""/models: the registry of tuned models, and what its servers announce."""

import logging

from discord import app_commands
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import Language, later
from bot.llm.budget import Account
from bot.presentation import models
from bot.rating.votes import Tally
from bot.store.models import Model
from cogs.common.locale import language_of
from cogs.common.permissions import admins_group, is_operator, require_operator
from cogs.models.embeds import cards

log = logging.getLogger(__name__)

_LONGEST = 1900  # characters, of the 2,000 that a message may have

Number = app_commands.Range[int, 1]


class ModelsCog(commands.Cog):
    """Models: what was tuned here, which one serves, and what became of the others."""

    group = admins_group(
        name="models", description="Tuned models: which there are, which one serves (operators)"
    )

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        self.ask_servers.start()

    async def cog_unload(self) -> None:
        self.ask_servers.cancel()

    @tasks.loop(hours=6)
    async def ask_servers(self) -> None:
        """Learn from the model servers until when our models live."""
        try:
            await self.app.upkeep.refresh()
        except Exception:
            log.exception("the model servers could not be asked after our models")

    @group.command(name="list", description="List the tuned models, the newest first")
    async def list_(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True, ephemeral=True)
        votes = await self.app.votes.by_model()
        challenger, trial = await self.app.registry.challenger(), await self.app.trials.standing()
        newest_first = reversed(await self.app.registry.every())
        say = await language_of(interaction)
        lines = [models.line(say, each, challenger, votes[each.name], trial) for each in newest_first]
        await interaction.edit_original_response(
            content=_fitting(say, lines)
            or say("No model has been tuned yet: /build-dataset, then /finetune.")
        )

    @group.command(description="Show all that is known of a model, its history among it")
    @app_commands.describe(model="The model's number; the live one where left out")
    async def show(self, interaction: Interaction, model: Number | None = None) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True, ephemeral=True)
        number = model or await self._live_number()
        entry = await self.app.registry.entry(number)
        votes: Tally = (await self.app.votes.by_model())[entry.model.name]
        trials = await self.app.trials.of_model(number)
        say = await language_of(interaction)
        text = models.page(say, entry, await self.app.registry.challenger(), votes, trials)
        await interaction.edit_original_response(content=_fitting(say, text.split("\n")))

    @group.command(description="Let two models write the same heroes, side by side")
    @app_commands.describe(
        a="A model's number",
        b="Another one's; the live one where left out, or the base where that is the same",
        hero="The hero to write, as in /hero; three of the vocabulary where left out",
    )
    async def compare(
        self,
        interaction: Interaction,
        a: Number,
        b: Number | None = None,
        hero: str | None = None,
    ) -> None:
        await require_operator(interaction)
        parsed = self.app.heroes.vocabulary.parse(hero) if hero else None
        if parsed:
            self.app.blocklist.check(parsed)
        first = await self.app.registry.get(a)
        second = await self.app.registry.get(b) if b else await self.app.registry.live()
        writers = self.app.comparer.opponents(first, second)
        await interaction.response.defer(thinking=True)
        heroes = [parsed] if parsed else self.app.heroes.vocabulary.sample(interaction.id)
        written = await self.app.comparer.compare(heroes, writers, Account("hero"))
        trials = await self.app.trials.between(first.id, second.id) if second else []
        say = await language_of(interaction)
        told = _fitting(say, [models.trial_lines(say, each) for each in trials])
        await interaction.edit_original_response(content=told, embeds=cards(say, written))

    @group.command(description="Let a model serve in place of the live one (kept as an override)")
    @app_commands.describe(model="The model's number")
    async def promote(self, interaction: Interaction, model: Number) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True)
        live = await self.app.registry.promote(model, actor_id=interaction.user.id)
        told = later("Model {number}, `{name}`, is live. `/models rollback` brings back the one before.")
        await self._tell(interaction, told, live)

    @group.command(description="Let the model serve again whose place the live one took")
    async def rollback(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True)
        live = await self.app.registry.roll_back(actor_id=interaction.user.id)
        await self._tell(interaction, later("Model {number}, `{name}`, is live again."), live)

    @group.command(description="Take a candidate out of the running")
    @app_commands.describe(model="The model's number")
    async def retire(self, interaction: Interaction, model: Number) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True)
        retired = await self.app.registry.retire(model, actor_id=interaction.user.id)
        await self._tell(interaction, later("Model {number}, `{name}`, is retired."), retired)

    @group.command(description="Tell by which name a model can be asked, after it was deployed by hand")
    @app_commands.describe(model="The model's number", name="The deployment's name at the provider")
    async def deployed(
        self,
        interaction: Interaction,
        model: Number,
        name: app_commands.Range[str, 1, 200],
    ) -> None:
        await require_operator(interaction)
        await interaction.response.defer(thinking=True)
        found = await self.app.registry.deployed(model, name.strip(), actor_id=interaction.user.id)
        told = later("Model {number} is asked as `{served_as}` and is a candidate.")
        if found.state == "live":
            told = later("Model {number} is asked as `{served_as}` and is live.")
        await self._tell(interaction, told, found)

    @show.autocomplete("model")
    @promote.autocomplete("model")
    @retire.autocomplete("model")
    @deployed.autocomplete("model")
    @compare.autocomplete("a")
    @compare.autocomplete("b")
    async def _suggest(self, interaction: Interaction, typed: int | str) -> list[app_commands.Choice[int]]:
        if not await is_operator(interaction):
            return []
        say = await language_of(interaction)
        shown = (
            (each.id, f"{each.id} · {say(each.state)} · {each.name}"[:100])
            for each in reversed(await self.app.registry.every())
        )
        return [app_commands.Choice(name=name, value=number) for number, name in shown if str(typed) in name][
            :25
        ]

    async def _tell(self, interaction: Interaction, told: str, model: Model) -> None:
        say = await language_of(interaction)
        text = say(told, number=model.id, name=model.name, served_as=model.served_as)
        await interaction.edit_original_response(content=text)

    async def _live_number(self) -> int:
        live = await self.app.registry.live()
        every = await self.app.registry.every()
        return live.id if live else every[-1].id if every else 1


def _fitting(say: Language, lines: list[str]) -> str:
    """As many lines as a message takes, and how many were left out."""
    shown: list[str] = []
    room = _LONGEST
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*shown, say("... and {number} more.", number=len(lines) - len(shown))])
        shown.append(line)
    return "\n".join(shown)
