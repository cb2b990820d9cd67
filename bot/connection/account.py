"""What Discord says of the bot's account: who it is, its intents, its permissions in servers and channels.

Asked over HTTP, or taken from what a running bot knows already.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import discord

from bot.connection.invite import PERMISSIONS, permission_names
from bot.connection.login import check_token, not_discord, refusal_of

INTENTS = discord.Intents(
    guilds=True,
    reactions=True,
    messages=True,  # deletions; content comes only with direct messages and mentions of the bot
)
# Intents that the owner has to switch on, and the flags of an application that say whether they are.
_PRIVILEGED = {
    "members": ("gateway_guild_members", "gateway_guild_members_limited"),
    "presences": ("gateway_presence", "gateway_presence_limited"),
    "message_content": ("gateway_message_content", "gateway_message_content_limited"),
}
_LONGEST = 120.0  # seconds for all questions: discord.py repeats those that Discord does not answer

Missing = tuple[str, ...]
_CLOSED: Missing = tuple(permission_names(discord.Permissions(view_channel=True)))


@dataclass(frozen=True, slots=True)
class Account:
    """What Discord says of the bot.

    missing_intents: those that the bot asks for and does not get. guilds and channels: by id, the permissions
    that the bot lacks there; None if it is not in the server, or there is no such channel. names: of these,
    for people. starts_left: of this
    day, None if it was not asked. terms_url, privacy_url: of the application, as its profile links them.
    clock_ahead: seconds by which this machine's clock is before Discord's, None if that is not known.
    """

    name: str
    missing_intents: Missing = ()
    guilds: Mapping[int, Missing | None] = field(default_factory=dict)
    channels: Mapping[int, Missing | None] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    starts_left: int | None = None
    terms_url: str | None = None
    privacy_url: str | None = None
    clock_ahead: float | None = None


async def ask_account(token: str, guild_ids: Collection[int], channel_ids: Collection[int]) -> Account:
    """Ask Discord over HTTP; nothing is changed there, and no session is started.

    Raises LoginRefused if Discord does not take the token, or cannot be reached.
    """
    check_token(token)
    clock = _Clock()
    client = discord.Client(intents=INTENTS, http_trace=clock.trace)
    try:
        async with asyncio.timeout(_LONGEST), client:
            await client.login(token)
            _shards, _url, limit = await client.http.get_bot_gateway()
            seen = _Seen(client)
            for guild_id in guild_ids:
                await seen.guild(guild_id)
            for channel_id in channel_ids:
                await seen.channel(channel_id)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_discord() from error
    except Exception as error:
        if refusal := refusal_of(error):
            raise refusal from error
        raise
    application = client.application
    return Account(
        str(client.user),
        _refused_intents(application),
        seen.guilds,
        seen.channels,
        seen.names,
        limit["remaining"],
        application.terms_of_service_url if application else None,
        application.privacy_policy_url if application else None,
        clock.ahead,
    )


def known_account(
    client: discord.Client,
    guild_ids: Collection[int],
    channel_ids: Collection[int],
    *,
    clock_ahead: float | None,
) -> Account:
    """Return what a running bot knows without asking. A channel that it does not know is left out."""
    guilds = {guild_id: client.get_guild(guild_id) for guild_id in guild_ids}
    channels = {channel_id: client.get_channel(channel_id) for channel_id in channel_ids}
    names = {each.id: each.name for each in guilds.values() if each}
    names |= {each.id: each.name for each in channels.values() if isinstance(each, _OF_GUILD)}
    application = client.application
    wanted = {name for name, value in INTENTS if value}
    return Account(
        str(client.user),
        tuple(sorted(wanted - {name for name, value in client.intents if value})),
        {
            guild_id: _missing(each.me.guild_permissions) if each else None
            for guild_id, each in guilds.items()
        },
        {
            channel_id: lacking
            for channel_id, each in channels.items()
            if isinstance(each, _OF_GUILD) and (lacking := _missing_in(each, each.guild.me)) is not None
        },
        names,
        terms_url=application.terms_of_service_url if application else None,
        privacy_url=application.privacy_policy_url if application else None,
        clock_ahead=clock_ahead,
    )


_OF_GUILD = (discord.abc.GuildChannel, discord.Thread)


class _Seen:
    """Collects what the bot sees of servers and channels, each asked for once."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._members: dict[int, discord.Member] = {}
        self.guilds: dict[int, Missing | None] = {}
        self.channels: dict[int, Missing | None] = {}
        self.names: dict[int, str] = {}

    async def guild(self, guild_id: int) -> None:
        if guild_id in self.guilds:
            return
        try:
            guild = await self._client.fetch_guild(guild_id, with_counts=False)
            me = await guild.fetch_member(self._client.user.id) if self._client.user else None
        except (discord.NotFound, discord.Forbidden):
            me = None
        self.guilds[guild_id] = _missing(me.guild_permissions) if me else None
        if me:
            self._members[guild_id] = me
            self.names[guild_id] = me.guild.name

    async def channel(self, channel_id: int) -> None:
        try:
            # discord.py's own call would give the channel a server without roles
            found = await self._client.http.get_channel(channel_id)
            guild_id = int(str(found.get("guild_id") or 0))
            if not guild_id:
                return  # direct messages have no permissions
            await self.guild(guild_id)
            self.channels[channel_id] = await self._missing_in(channel_id, self._members.get(guild_id))
        except discord.NotFound:
            self.channels[channel_id] = None
        except discord.Forbidden:
            self.channels[channel_id] = _CLOSED

    async def _missing_in(self, channel_id: int, me: discord.Member | None) -> Missing | None:
        if me is None:
            return None
        channel = await me.guild.fetch_channel(channel_id)
        self.names[channel_id] = channel.name
        if not isinstance(channel, discord.Thread):
            return _missing_in(channel, me)
        parent = await me.guild.fetch_channel(channel.parent_id)
        granted = parent.permissions_for(me) if isinstance(parent, discord.abc.GuildChannel) else PERMISSIONS
        return _missing(granted, thread=True)


def _missing_in(channel: discord.abc.GuildChannel | discord.Thread, me: discord.Member) -> Missing | None:
    """Return what is missing in a channel; None if that is not known."""
    try:
        return _missing(channel.permissions_for(me), thread=isinstance(channel, discord.Thread))
    except discord.ClientException:  # the parent of the thread is not known
        return None


def _missing(granted: discord.Permissions, *, thread: bool | None = None) -> Missing:
    """Return the permissions of the invite that are not granted, as Discord's settings call them.

    thread: messages in threads have a permission of their own; None: both are looked at.
    """
    lacking = discord.Permissions(PERMISSIONS.value & ~granted.value)
    if thread is not None:
        lacking.send_messages &= not thread
        lacking.send_messages_in_threads &= thread
    return tuple(permission_names(lacking))


def _refused_intents(application: discord.AppInfo | None) -> Missing:
    """Return the privileged intents that the bot asks for and its owner has not switched on."""
    if application is None:
        return ()
    wanted = {name for name, value in INTENTS if value} & _PRIVILEGED.keys()
    flags = dict(iter(application.flags))
    return tuple(sorted(name for name in wanted if not any(flags[flag] for flag in _PRIVILEGED[name])))


class _Clock:
    """Compares this machine's clock with the Date header of Discord's answers."""

    def __init__(self) -> None:
        self.ahead: float | None = None
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._compare)

    async def _compare(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        with contextlib.suppress(KeyError, ValueError, TypeError):
            self.ahead = time.time() - parsedate_to_datetime(ended.response.headers["Date"]).timestamp()
