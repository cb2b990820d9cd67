"""Channels: where a server lets heroes be asked for."""

from bot.errors import NotAllowed
from bot.guilds import Guilds


async def require_open(guilds: Guilds, guild_id: int | None, channel: object) -> None:
    """Let pass where the server's admins left the bot open. Raises NotAllowed with the channels that are.

    channel is discord.py's, None where it is not known.
    """
    ids = (
        getattr(channel, "id", None),
        getattr(channel, "parent_id", None),
    )  # a thread has its channel's too
    if not await guilds.is_open(guild_id, *ids):
        channels = (await guilds.of(guild_id)).channels if guild_id else None
        raise NotAllowed(
            "Heroes are asked for elsewhere in this server: {channels}.",
            channels=", ".join(f"<#{each}>" for each in channels or ()),
        )
