"""/hero: describe a superhero."""

import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.duel_message import show_duel

if TYPE_CHECKING:
    from bot.client import HeroBot

log = logging.getLogger(__name__)


class HeroCog(commands.Cog):
    """Describes superheroes: give an age, a gender and a power."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="Describe a superhero: an age, a gender and a power")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    async def hero(self, interaction: "discord.Interaction[HeroBot]", hero: str) -> None:
        asked = self.app.heroes.vocabulary.parse(hero)
        await interaction.response.defer(thinking=True)
        description = (
            await show_duel(interaction, asked)
            if await self.app.duels.wanted()
            else await self.app.describer.describe(
                asked, requester=interaction.user.id, guild_id=interaction.guild_id
            )
        )
        if description:
            await show(interaction, description)

    @hero.autocomplete("hero")
    async def _suggest(
        self, _interaction: "discord.Interaction[HeroBot]", typed: str
    ) -> list[app_commands.Choice[str]]:
        whole = (await self.app.powers.vocabulary()).suggest(typed)
        return [app_commands.Choice(name=each, value=each) for each in whole]


async def show(interaction: "discord.Interaction[HeroBot]", description: Description) -> None:
    """Show a description in the place of a deferred command's answer, with thumbs to vote by."""
    app = interaction.client.app
    message = await interaction.edit_original_response(embed=card(description))
    await app.describer.shown_as(description, message.id)
    await _offer_thumbs(message)


async def _offer_thumbs(message: discord.Message) -> None:
    """Leave both thumbs to click on; where the bot may not, people can still add their own."""
    try:
        for thumb in (UP, DOWN):
            await message.add_reaction(thumb)
    except discord.HTTPException as error:
        log.info("no thumbs under message %d: %s", message.id, error)


def card(description: Description) -> discord.Embed:
    """A description as people see it: the hero, the text with its markdown harmless, and who wrote it."""
    embed = discord.Embed(
        title=str(description.hero).capitalize(),
        description=discord.utils.escape_markdown(description.text),
        colour=discord.Colour.blurple() if description.tuned else discord.Colour.light_grey(),
    )
    if description.tuned:
        embed.set_footer(text=f"{description.model} · Worth learning from? {UP} {DOWN}")
    else:
        embed.set_footer(
            text=f"Written by the untuned base model, {description.model}. Worth learning from? {UP} {DOWN}"
        )
    return embed
