"""Sight: texts that people report go from their messages, and come back where operators keep them."""

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.app import App
from bot.i18n.message import Language
from bot.rating.duels import Letter
from bot.store.descriptions import Description
from cogs.common.locale import language_of, language_of_server
from cogs.common.responses import Look
from cogs.hero.duel_embeds import duel_look
from cogs.hero.embeds import hero_look
from cogs.votes.buttons import offer_thumbs

if TYPE_CHECKING:
    from bot.client import HeroBot

log = logging.getLogger(__name__)


class SightCog(commands.Cog):
    """Takes reported texts from sight, and shows them again."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app

    async def report(self, interaction: "discord.Interaction[HeroBot]", description_id: int) -> None:
        """Tell the operators of a description that should not be seen; enough people hide it at once."""
        await interaction.response.defer()
        await self._report(interaction, description_id)

    async def report_in_duel(
        self, interaction: "discord.Interaction[HeroBot]", duel_id: int, letter: Letter
    ) -> None:
        """The same of one of a duel's texts."""
        await interaction.response.defer()
        pairing = await self.app.duels.get(duel_id)
        await self._report(interaction, pairing.text(letter).id)

    async def _report(self, interaction: "discord.Interaction[HeroBot]", description_id: int) -> None:
        say = await language_of(interaction)
        hidden = await self.app.removals.report(description_id, interaction.user.id)
        if hidden:  # the click lets us edit its message, also where the bot itself is not
            look, _ = await self._now(hidden, say)
            await interaction.edit_original_response(**look.whole)
        await interaction.followup.send(say("Thank you: the operators will look at it."), ephemeral=True)

    async def show_anew(self, description: Description) -> bool:
        """Let a description's message be what it is now. False where the bot may not change it."""
        guild = self.bot.get_guild(description.guild_id) if description.guild_id else None
        say = await language_of_server(self.bot, guild)
        look, shown_by = await self._now(description, say)
        if shown_by is None:
            return True
        channel = self.bot.get_partial_messageable(shown_by[0], guild_id=description.guild_id)
        try:
            shown = await channel.get_partial_message(shown_by[1]).edit(**look.whole)
        except discord.NotFound:  # nobody sees it any more
            return True
        except discord.HTTPException as error:
            log.warning("description %d is still seen as it was: %s", description.id, error)
            return False
        if shown and description.message_id and description.removed_at is None:
            # the buttons, where they stood there, went with it; a duel's texts have no message of their own
            await offer_thumbs(shown, description.id)
        return True

    async def _now(self, description: Description, say: Language) -> tuple[Look, tuple[int, int] | None]:
        """What a description's message is to be now, and where it is: its channel and its id."""
        pairing = await self.app.duels.with_description(description.id)
        look = duel_look(pairing, say) if pairing else hero_look(description, say)
        shown = pairing or description
        if shown.channel_id is None or shown.message_id is None:
            return look, None
        return look, (shown.channel_id, shown.message_id)
