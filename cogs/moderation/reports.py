"""Reported texts: hidden when enough people say so, shown again when operators keep them."""

import logging

import discord

from bot.client import HeroBot, Interaction
from bot.i18n.message import Language
from bot.rating.duels import Letter
from bot.store.descriptions import Description
from cogs.common.locale import language_of, language_of_server
from cogs.common.responses import Look
from cogs.hero.duel_embeds import duel_look
from cogs.hero.embeds import hero_look
from cogs.votes.buttons import offer_thumbs

log = logging.getLogger(__name__)


async def report(interaction: Interaction, description_id: int) -> None:
    """Report a description to the operators; enough reports hide it at once."""
    await interaction.response.defer()
    await _report(interaction, description_id)


async def report_in_duel(interaction: Interaction, duel_id: int, letter: Letter) -> None:
    """Report one of a duel's texts."""
    await interaction.response.defer()
    pairing = await interaction.client.app.duels.get(duel_id)
    await _report(interaction, pairing.text(letter).id)


async def _report(interaction: Interaction, description_id: int) -> None:
    bot = interaction.client
    say = await language_of(interaction)
    hidden = await bot.app.removals.report(description_id, interaction.user.id)
    if hidden:  # the click lets us edit its message, also where the bot itself is not
        look, _ = await _current(bot, hidden, say)
        await interaction.edit_original_response(**look.whole)
    await interaction.followup.send(say("Thank you: the operators will look at it."), ephemeral=True)


async def refresh_message(bot: HeroBot, description: Description) -> bool:
    """Bring a description's message up to date. Returns False if the bot may not edit it."""
    guild = bot.get_guild(description.guild_id) if description.guild_id else None
    say = await language_of_server(bot, guild)
    look, shown_by = await _current(bot, description, say)
    if shown_by is None:
        return True
    channel = bot.get_partial_messageable(shown_by[0], guild_id=description.guild_id)
    try:
        shown = await channel.get_partial_message(shown_by[1]).edit(**look.whole)
    except discord.NotFound:  # nobody sees it any more
        return True
    except discord.HTTPException as error:
        log.warning("description %d is still seen as it was: %s", description.id, error)
        return False
    if shown and description.message_id and description.removed_at is None:
        # the edit dropped the vote buttons, if there were any; a duel's texts have no message of their own
        await offer_thumbs(shown, description.id)
    return True


async def _current(
    bot: HeroBot, description: Description, say: Language
) -> tuple[Look, tuple[int, int] | None]:
    """Return what a description's message should show now, and its channel and message ids if it has one."""
    pairing = await bot.app.duels.with_description(description.id)
    look = duel_look(pairing, say) if pairing else hero_look(description, say)
    shown = pairing or description
    if shown.channel_id is None or shown.message_id is None:
        return look, None
    return look, (shown.channel_id, shown.message_id)
