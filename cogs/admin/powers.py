"""/powers: add powers to the vocabulary of data/heroes.toml, and remove them again."""

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.heroes.vocabulary import quoted
from bot.presentation.datasets import powers_text
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import admins_group, is_operator, operators_only
from cogs.common.responses import answer

_MAX_CHOICES = 25  # that Discord shows

Power = app_commands.Range[str, 1, 60]


class PowersCog(commands.Cog):
    """Powers: anybody may ask for any; descriptions train if the vocabulary has theirs."""

    group = admins_group(name="powers", description="The powers that the model learns from (operators)")

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @group.command(description="Add a power: from now on the model learns from liked descriptions of it")
    @app_commands.describe(power="The power, in plain words")
    @operators_only
    async def add(self, interaction: Interaction, power: Power) -> None:
        await interaction.response.defer(thinking=True)  # a write may have to wait for another process
        name = await self.app.powers.add(power, interaction.user.id)
        t = await translator_of(interaction)
        await answer(
            interaction,
            t(
                "{name} is in the vocabulary now. From the next dataset on, the model learns from "
                "descriptions of it that people like.",
                name=quoted(name),
            ),
        )

    @group.command(description="Remove an added power: new datasets take in nothing of it")
    @app_commands.describe(power="The power")
    @operators_only
    async def remove(self, interaction: Interaction, power: Power) -> None:
        await interaction.response.defer(thinking=True)
        name = await self.app.powers.remove(power)
        t = await translator_of(interaction)
        await answer(
            interaction,
            t(
                "{name} is no longer in the vocabulary: new datasets take in no descriptions of it.",
                name=quoted(name),
            ),
        )

    @group.command(name="list", description="List the added powers, and the others that people ask for most")
    @operators_only
    async def list_(self, interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        added, requested = await self.app.powers.added(), await self.app.powers.requested()
        text = escape_markdown(powers_text(await translator_of(interaction), added, requested))
        await answer(interaction, text[:2000])

    @add.autocomplete("power")
    async def _suggest_requested(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        requested = await self.app.powers.requested(200) if await is_operator(interaction) else []
        return _choices([request.power for request in requested], typed)

    @remove.autocomplete("power")
    async def _suggest_added(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        added = await self.app.powers.added() if await is_operator(interaction) else []
        return _choices(added, typed)


def _choices(powers: list[str], typed: str) -> list[app_commands.Choice[str]]:
    matching = [power for power in powers if typed.lower().strip() in power]
    return [app_commands.Choice(name=power, value=power) for power in matching[:_MAX_CHOICES]]
