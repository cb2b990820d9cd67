"""Reported texts: hidden when enough people say so, shown again when operators keep them."""

import logging

import discord

from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator
from bot.rating.duels import Position
from bot.store.descriptions import Description
from cogs.common.locale import translator_of, translator_of_server
from cogs.common.responses import MessageContent
from cogs.hero.duel_embeds import duel_content
from cogs.hero.embeds import hero_content
from cogs.votes.buttons import offer_thumbs

log = logging.getLogger(__name__)


async def report(interaction: Interaction, description_id: int) -> None:
    """Report a description to the operators; enough reports hide it at once."""
    await interaction.response.defer()
    await _report(interaction, description_id)


async def report_in_duel(interaction: Interaction, duel_id: int, letter: Position) -> None:
    """Report one of a duel's texts."""
    await interaction.response.defer()
    pairing = await interaction.client.app.duels.get(duel_id)
    await _report(interaction, pairing.text(letter).id)


async def _report(interaction: Interaction, description_id: int) -> None:
    bot = interaction.client
    t = await translator_of(interaction)
    hidden = await bot.app.content_reports.report(description_id, interaction.user.id)
    if hidden:  # the click lets us edit its message, also where the bot itself is not
        look, _ = await _current(bot, hidden, t)
        await interaction.edit_original_response(**look.edit_kwargs)
    await interaction.followup.send(t("Thank you: the operators will look at it."), ephemeral=True)


async def refresh_message(bot: HeroBot, description: Description) -> bool:
    """Bring a description's message up to date. Returns False if the bot may not edit it."""
    guild = bot.get_guild(description.guild_id) if description.guild_id else None
    t = await translator_of_server(bot, guild)
    look, shown_by = await _current(bot, description, t)
    if shown_by is None:
        return True
    channel = bot.get_partial_messageable(shown_by[0], guild_id=description.guild_id)
    try:
        shown = await channel.get_partial_message(shown_by[1]).edit(**look.edit_kwargs)
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
    bot: HeroBot, description: Description, t: Translator
) -> tuple[MessageContent, tuple[int, int] | None]:
    """Return what a description's message should show now, and its channel and message ids if it has one."""
    pairing = await bot.app.duels.with_description(description.id)
    look = duel_content(pairing, t) if pairing else hero_content(description, t)
    shown = pairing or description
    if shown.channel_id is None or shown.message_id is None:
        return look, None
    return look, (shown.channel_id, shown.message_id)
