"""Channels: where a server lets heroes be asked for."""

from typing import Any

import discord

from bot.errors import NotAllowed


async def require_open(interaction: discord.Interaction[Any]) -> None:
    """Let pass where the server's admins left the bot open. Raises NotAllowed with the channels that are."""
    parent = getattr(interaction.channel, "parent_id", None)  # a thread belongs to its channel
    guilds = interaction.client.app.guilds
    if not await guilds.is_open(interaction.guild_id, interaction.channel_id, parent):
        channels = (await guilds.of(interaction.guild_id)).channels
        raise NotAllowed(
            "Heroes are asked for elsewhere in this server: {channels}.",
            channels=", ".join(f"<#{each}>" for each in channels),
        )
