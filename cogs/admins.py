"""Admins' commands: in servers that let the bot in, and unseen by who may not manage these.

A server's own settings (Server Settings, Integrations) can give them to others.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

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


def for_admins(command: T) -> T:
    """Make one command such a one."""
    marks: tuple[Callable[[Any], Any], ...] = (
        app_commands.default_permissions(manage_guild=True),
        app_commands.allowed_installs(guilds=True, users=False),
        app_commands.allowed_contexts(guilds=True),
    )
    for mark in marks:
        command = mark(command)
    return command
