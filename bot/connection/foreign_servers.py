"""Foreign servers: what this process has to know of servers that are on the shards of others.

Its gateway tells it nothing of them, but Discord answers over HTTP for every server that the bot is in.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import discord

T = TypeVar("T")

_LIFETIME = 3600.0  # seconds for which an answer serves
_MOST = 10_000  # places that are remembered


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its id, and the language that its admins prefer, as Discord calls it."""

    id: int
    preferred_locale: str


class ForeignServers:
    """Asks Discord for servers, and for those that channels belong to; each answer serves for an hour."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._guild_ids: dict[int, tuple[float, int | None]] = {}  # by channel, with the time of the answer
        self._servers: dict[int, tuple[float, Server | None]] = {}

    async def of_channel(self, channel_id: int) -> Server | None:
        """Return a channel's server; None of direct messages, and if Discord does not tell."""
        guild_id = await _remembered(self._guild_ids, channel_id, self._ask_channel)
        return await self.get(guild_id) if guild_id else None

    async def get(self, guild_id: int) -> Server | None:
        """Return a server; None if Discord does not tell."""
        return await _remembered(self._servers, guild_id, self._ask_guild)

    async def _ask_channel(self, channel_id: int) -> int | None:
        found = await self._client.http.get_channel(channel_id)
        return int(str(found.get("guild_id") or 0)) or None

    async def _ask_guild(self, guild_id: int) -> Server:
        found = await self._client.http.get_guild(guild_id, with_counts=False)
        return Server(guild_id, str(found.get("preferred_locale") or "en-US"))


async def _remembered(
    kept: dict[int, tuple[float, T | None]], key: int, ask: Callable[[int], Awaitable[T | None]]
) -> T | None:
    at, answer = kept.get(key, (0.0, None))
    if at and time.monotonic() - at < _LIFETIME:
        return answer
    try:
        answer = await ask(key)
    except discord.HTTPException as error:
        if error.status >= 500:
            return answer  # an outage: the next one asks again
        answer = None
    except (aiohttp.ClientError, OSError):
        return answer
    if len(kept) >= _MOST:
        kept.clear()
    kept[key] = time.monotonic(), answer
    return answer
