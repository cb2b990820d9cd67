"""Permissions: commands of operators, commands of server admins, and channels that are open to the bot."""

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.client import Interaction
from bot.community.guild_settings import GuildSettings
from bot.errors import NotAllowed

T = TypeVar("T")
RootCommand = app_commands.Command[Any, ..., Any] | app_commands.Group


async def is_operator(interaction: Interaction) -> bool:
    """Return whether the user is an operator."""
    try:
        await require_operator(interaction)
    except NotAllowed:
        return False
    return True


async def require_operator(interaction: Interaction) -> None:
    """Check that the user may spend money and change the model.

    Operators are the application's owner or team, and members with Manage Server in a home guild. Raises
    NotAllowed for everyone else, including admins of other servers.
    """
    bot = interaction.client
    if await bot.is_owner(interaction.user):
        return
    in_home_guild = interaction.guild_id in bot.app.settings.home_guilds
    if in_home_guild and interaction.permissions.manage_guild:
        return
    if interaction.permissions.manage_guild:
        raise NotAllowed(
            "This command belongs to the operators of this bot, because it changes the model for every "
            "server. To become one, ask them to list your server in HOME_GUILDS."
        )
    raise NotAllowed("Only the operators of this bot may do this. `/hero` is open to everyone.")


async def _operator_check(interaction: Interaction) -> bool:
    """Check that the user is an operator, and tell anybody else why not, as the body of a command would."""
    try:
        await require_operator(interaction)
    except NotAllowed as refusal:
        command = interaction.command
        if isinstance(command, app_commands.Command):
            # discord.py loses errors of a check that are not of its own kind
            raise app_commands.CommandInvokeError(command, refusal) from refusal
        raise
    return True


def operators_only(command: T) -> T:
    """Decorator: restrict a command to operators. /help and the tables of commands list it under them."""
    return app_commands.check(_operator_check)(command)


def is_for_operators(command: RootCommand) -> bool:
    """Return whether only operators may use a command, or any command of a group."""
    if isinstance(command, app_commands.Group):
        return all(is_for_operators(each) for each in command.commands)
    return _operator_check in command.checks


def is_for_admins(command: RootCommand) -> bool:
    """Return whether Discord shows a command to server admins only, as it does for operators' commands."""
    return (command.root_parent or command).default_permissions is not None


def admins_group(*, name: str, description: str) -> app_commands.Group:
    """Return a group of commands for server admins."""
    return app_commands.Group(
        name=name,
        description=description,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True),
    )


def admins_only(command: T) -> T:
    """Decorator: restrict a command to server admins."""
    decorators: tuple[Callable[[Any], Any], ...] = (
        app_commands.default_permissions(manage_guild=True),
        app_commands.allowed_installs(guilds=True, users=False),
        app_commands.allowed_contexts(guilds=True),
    )
    for decorate in decorators:
        command = decorate(command)
    return command


async def require_open_channel(guilds: GuildSettings, guild_id: int | None, channel: object) -> None:
    """Check that the server's admins let the bot answer in a channel.

    channel: discord.py's object, None if unknown. A thread is open if its parent channel is. Raises
    NotAllowed, naming the channels that are open.
    """
    ids = getattr(channel, "id", None), getattr(channel, "parent_id", None)
    if not await guilds.is_open(guild_id, *ids):
        channels = (await guilds.get(guild_id)).channels if guild_id else None
        raise NotAllowed(
            "Here I do not describe heroes. On this server, `/hero` works in: {channels}.",
            channels=", ".join(f"<#{channel_id}>" for channel_id in channels or ()),
        )


def may_read(channel: discord.abc.GuildChannel | discord.Thread, member: discord.Member) -> bool:
    """Return whether a member may read what stands in a channel, as far as the bot knows.

    Who is in a private thread it does not know: there, only those who manage threads surely may.
    """
    try:
        granted = channel.permissions_for(member)
    except discord.ClientException:  # the parent of the thread is not known
        return False
    if isinstance(channel, discord.Thread) and channel.is_private() and not granted.manage_threads:
        return False
    return granted.view_channel and granted.read_message_history


def may_write(channel: object) -> bool:
    """Return whether the bot may send messages with embeds there, as far as it knows: it costs no request."""
    if not isinstance(channel, (discord.abc.GuildChannel, discord.Thread)):
        return True
    try:
        granted = channel.permissions_for(channel.guild.me)
    except discord.ClientException:  # the parent of the thread is not known
        return True
    if not isinstance(channel, discord.Thread):
        return granted.send_messages and granted.embed_links
    locked = channel.locked and not granted.manage_threads
    return granted.send_messages_in_threads and granted.embed_links and not locked
