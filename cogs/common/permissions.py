"""Operators: who may spend money and change the model."""

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.client import Interaction
from bot.community.guild_settings import GuildSettings
from bot.errors import NotAllowed


async def is_operator(interaction: Interaction) -> bool:
    """Whether somebody is one: what operators know is not proposed to others."""
    try:
        await require_operator(interaction)
    except NotAllowed:
        return False
    return True


async def require_operator(interaction: Interaction) -> None:
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


T = TypeVar("T")


def admins_group(*, name: str, description: str) -> app_commands.Group:
    """A group of such commands."""
    return app_commands.Group(
        name=name,
        description=description,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True),
    )


def admins_only(command: T) -> T:
    """Make one command such a one."""
    marks: tuple[Callable[[Any], Any], ...] = (
        app_commands.default_permissions(manage_guild=True),
        app_commands.allowed_installs(guilds=True, users=False),
        app_commands.allowed_contexts(guilds=True),
    )
    for mark in marks:
        command = mark(command)
    return command


async def require_open_channel(guilds: GuildSettings, guild_id: int | None, channel: object) -> None:
    """Let pass where the server's admins left the bot open. Raises NotAllowed with the channels that are.

    channel is discord.py's, None where it is not known.
    """
    ids = (
        getattr(channel, "id", None),
        getattr(channel, "parent_id", None),
    )  # a thread has its channel's too
    if not await guilds.is_open(guild_id, *ids):
        channels = (await guilds.get(guild_id)).channels if guild_id else None
        raise NotAllowed(
            "Heroes are asked for elsewhere in this server: {channels}.",
            channels=", ".join(f"<#{each}>" for each in channels or ()),
        )
