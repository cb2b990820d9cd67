"""Reported texts: hide them after enough reports, and show them again when operators keep them."""

import logging

import discord

from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of, translator_of_server
from cogs.common.responses import answer, confirm, with_retries
from cogs.hero.duel_embeds import duel_content
from cogs.hero.embeds import hero_content
from cogs.votes.buttons import offer_thumbs

log = logging.getLogger(__name__)


async def report(interaction: Interaction, description_id: int) -> None:
    """Report a description to the operators, and hide it at once after enough reports.

    The interaction must be deferred already.
    """
    bot = interaction.client
    t = await translator_of(interaction)
    hidden = await bot.app.content_reports.report(description_id, interaction.user.id)
    if hidden:  # a click lets the bot edit its message even in a server that the bot is not in
        content, _ = await _current_message(bot, hidden, t)
        await with_retries(lambda: answer(interaction, content))
    await confirm(interaction, t("Thank you: the operators will look at it."))


async def refresh_message(bot: HeroBot, description: Description) -> bool:
    """Bring a description's message up to date. Returns False if the bot may not edit it."""
    guild = bot.get_guild(description.guild_id) if description.guild_id else None
    t = await translator_of_server(bot, guild)
    content, location = await _current_message(bot, description, t)
    if location is None:
        return True
    channel_id, message_id = location
    channel = bot.get_partial_messageable(channel_id, guild_id=description.guild_id)
    try:
        message = await channel.get_partial_message(message_id).edit(**content.edit_kwargs)
    except discord.NotFound:  # nobody sees it any more
        return True
    except DISCORD_FAILURES as error:
        log.warning("description %d is still seen as it was: %s", description.id, error)
        return False
    if message and description.message_id and description.removed_at is None:
        # the edit dropped the vote buttons, if any; the texts of a duel have no message of their own
        await offer_thumbs(message, description.id)
    return True


async def _current_message(
    bot: HeroBot, description: Description, t: Translator
) -> tuple[MessageContent, tuple[int, int] | None]:
    """Return what a description's message should show now, and its channel and message ids if it has one."""
    pairing = await bot.app.duels.with_description(description.id)
    content = duel_content(pairing, t) if pairing else hero_content(description, t)
    shown = pairing or description
    if shown.channel_id is None or shown.message_id is None:
        return content, None
    return content, (shown.channel_id, shown.message_id)
