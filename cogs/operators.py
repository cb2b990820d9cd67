"""Operators: who may spend money and change the model."""

from typing import TYPE_CHECKING

import discord

from bot.errors import NotAllowed

if TYPE_CHECKING:
    from bot.client import HeroBot


async def is_operator(interaction: "discord.Interaction[HeroBot]") -> bool:
    """Whether somebody is one: what operators know is not proposed to others."""
    try:
        await require_operator(interaction)
    except NotAllowed:
        return False
    return True


async def require_operator(interaction: "discord.Interaction[HeroBot]") -> None:
    """Let operators pass: the application's owner or team, and who manages a home guild.

    Raises NotAllowed with a sentence for everyone else, the admins of other servers among them.
    """
    bot = interaction.client
    if await bot.is_owner(interaction.user):
        return
    at_home = interaction.guild_id in bot.app.settings.home_guilds
    if at_home and interaction.permissions.manage_guild:
        return
    if interaction.permissions.manage_guild:
        raise NotAllowed(
            "This command belongs to the operators of this bot: it changes the model for every server. "
            "Ask whoever runs the bot to list your server in HOME_GUILDS."
        )
    raise NotAllowed("Only the operators of this bot may do this. /hero is open to everyone.")
