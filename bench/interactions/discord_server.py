"""A simulated Discord over real HTTP: the REST routes and the gateway that /hero needs.

Its only state is the pending interactions. Each ends with the second thumb on its message.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

GUILD, CHANNEL, APPLICATION = 10_000, 20_000, 30_000
_USERS = 1_000_000  # each user asks once, so no limit per user is reached
_TOKEN = "interaction"  # noqa: S105  (of an interaction: no secret here)
_THUMBS = 2
_ADMINISTRATOR = str(1 << 3)  # the permission


@dataclass
class PendingInteraction:
    """One /hero: when it was sent, and the seconds until it was acknowledged and done."""

    sent_at: float
    done: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: float = 0.0  # seconds since sent_at
    ended: float = 0.0
    thumbs: int = 0


@dataclass(frozen=True, slots=True)
class Guilds:
    """How many servers each shard has, and how many channels and roles each server."""

    count: int = 1
    channels: int = 1
    roles: int = 1


_ONE_SMALL = Guilds()


class DiscordServer:
    """Routes, gateway, and a count of the calls by kind."""

    def __init__(self, guilds: Guilds) -> None:
        self.url = ""
        self._guilds = guilds
        self.calls: Counter[str] = Counter()
        self.syncs = 0  # of the slash commands
        self.silent: set[int] = set()  # shards that are let in, and told nothing then
        self.connected = asyncio.Event()
        self._gateways: dict[int, web.WebSocketResponse] = {}  # by shard, replaced when one connects
        self._numbers = count(100_000_000)
        self._sequence = count(1)
        self._pending: dict[int, PendingInteraction] = {}  # by id, which is also the id of its message

    async def send_hero_command(self, typed: str, shard: int = 0) -> PendingInteraction:
        """Send /hero as a new user in a shard's server, and wait until both thumbs are on the answer."""
        number = next(self._numbers)
        interaction = self._pending[number] = PendingInteraction(time.perf_counter())
        await self._dispatch(shard, "INTERACTION_CREATE", _interaction(number, typed, _guild_id(shard)))
        await asyncio.wait_for(interaction.done.wait(), 60)
        del self._pending[number]
        return interaction

    async def send_messages(self, count: int) -> None:
        """Send so many messages of people, in all servers in turn, as a bot gets them: without their text."""
        for number in range(count):
            guild_id = _guild_id(number % self._guilds.count)
            channel = {"channel_id": str(CHANNEL), "guild_id": str(guild_id)}
            author = {"author": _user(_USERS + number), "member": _member(_USERS + number)}
            message = _message(next(self._numbers), {}) | channel | author | {"type": 0}
            await self._dispatch(0, "MESSAGE_CREATE", message)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/gateway", self._connect),
            web.get("/api/gateway/bot", self._gateway_info),
            web.get("/api/users/@me", self._me),
            web.get("/api/oauth2/applications/@me", self._application),
            web.get("/api/applications/{app}/commands", self._commands),
            web.put("/api/applications/{app}/commands", self._commands),
            web.post("/api/interactions/{id}/{token}/callback", self._callback),
            web.post("/api/webhooks/{app}/{token}", self._follow_up),
            web.patch("/api/webhooks/{app}/{token}/messages/@original", self._edit),
            web.put("/api/channels/{channel}/messages/{id}/reactions/{emoji}/@me", self._react),
        ]

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            payload = message.json()
            if payload["op"] == 1:
                await socket.send_json({"op": 11})
            elif payload["op"] == 2:
                shard, count = payload["d"].get("shard", [0, 1])
                self._gateways[shard] = socket
                if shard not in self.silent:
                    await self._welcome(shard, count)
        return socket

    async def _welcome(self, shard: int, count: int) -> None:
        ids = [_guild_id(shard + number * count) for number in range(self._guilds.count)]
        unknown = [{"id": str(each), "unavailable": True} for each in ids]
        application = {"id": str(APPLICATION), "flags": 0}
        ready = {"v": 10, "user": _user(1, bot=True), "guilds": unknown, "application": application}
        more = {"shard": [shard, count], "session_id": "s", "resume_gateway_url": self.url}
        await self._dispatch(shard, "READY", {**ready, **more})
        for each in ids:
            await self._dispatch(shard, "GUILD_CREATE", _guild(each, self._guilds))
        self.connected.set()

    async def _dispatch(self, shard: int, name: str, data: dict[str, Any]) -> None:
        await self._gateways[shard].send_json({"op": 0, "t": name, "s": next(self._sequence), "d": data})

    async def _gateway_info(self, _: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return _json({"shards": 1, "url": f"{self.url}/gateway", "session_start_limit": limit})

    async def _me(self, _: web.Request) -> web.Response:
        return _json(_user(1, bot=True))

    async def _application(self, _: web.Request) -> web.Response:
        application = {"id": str(APPLICATION), "name": "bench", "description": "", "icon": None}
        rights = {"bot_public": False, "bot_require_code_grant": False, "verify_key": ""}
        return _json({**application, **rights, "owner": _user(2), "flags": 0})

    async def _commands(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.syncs += 1
        return _json([])

    async def _callback(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        self.calls["callback"] += 1
        interaction = self._pending[number]
        interaction.acknowledged = time.perf_counter() - interaction.sent_at
        resource = {"id": str(number), "type": 2, "response_message_id": str(number)}
        return _json({"interaction": {**resource, "response_message_loading": True}})

    async def _edit(self, request: web.Request) -> web.Response:
        number = int(request.match_info["token"].removeprefix(_TOKEN))
        self.calls["edit"] += 1
        return _json(_message(number, await request.json()))

    async def _follow_up(self, request: web.Request) -> web.Response:
        """Take what the first person in a server is told alone. If it is refused, the next one is told."""
        self.calls["follow-up"] += 1
        return _json(_message(next(self._numbers), await request.json()))

    async def _react(self, request: web.Request) -> web.Response:
        self.calls["reaction"] += 1
        interaction = self._pending[int(request.match_info["id"])]
        interaction.thumbs += 1
        if interaction.thumbs == _THUMBS:
            interaction.ended = time.perf_counter() - interaction.sent_at
            interaction.done.set()
        return web.Response(status=204)


def _json(data: Any) -> web.Response:
    # discord.py reads JSON only if the content type has no charset
    return web.Response(body=json.dumps(data).encode(), headers={"Content-Type": "application/json"})


def _user(number: int, *, bot: bool = False) -> dict[str, Any]:
    user = {"id": str(number), "username": f"user{number}", "discriminator": "0", "global_name": None}
    return {**user, "avatar": None, "bot": bot, "verified": True, "mfa_enabled": True, "flags": 0}


def _member(number: int) -> dict[str, Any]:
    times = {"joined_at": "2026-01-01T00:00:00+00:00", "premium_since": None}
    state = {"roles": [], "deaf": False, "mute": False, "flags": 0, "nick": None, "avatar": None}
    return {"user": _user(number), **times, **state, "permissions": "0"}


def _guild_id(shard: int) -> int:
    """Return the id of a shard's server, of the bits of which Discord counts shards."""
    return GUILD + (shard << 22)


def _channel(guild_id: int, number: int = 0) -> dict[str, Any]:
    channel_id = guild_id + number if number else CHANNEL  # /hero comes from the first one
    place = {
        "id": str(channel_id),
        "guild_id": str(guild_id),
        "type": 0,
        "name": "heroes",
        "position": number,
    }
    return {**place, "permission_overwrites": [], "nsfw": False, "parent_id": None, "permissions": "0"}


def _role(guild_id: int, number: int) -> dict[str, Any]:
    name = f"role {number}" if number else "@everyone"
    role = {"id": str(guild_id + number), "name": name, "color": 0, "hoist": False, "position": number}
    return {**role, "permissions": _ADMINISTRATOR, "managed": False, "mentionable": False, "flags": 0}


def _guild(guild_id: int, guilds: Guilds) -> dict[str, Any]:
    words: dict[str, Any] = {
        "name": "bench",
        "icon": None,
        "preferred_locale": "en-US",
        "features": [],
        "premium_tier": 0,
    }
    levels = {"verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0}
    more = {"mfa_level": 0, "nsfw_level": 0, "afk_timeout": 60, "system_channel_flags": 0, "owner_id": "2"}
    lists: dict[str, Any] = {
        "emojis": [],
        "stickers": [],
        "members": [_member(1)],
        "threads": [],
        "presences": [],
    }
    return {
        "id": str(guild_id),
        "roles": [_role(guild_id, number) for number in range(guilds.roles)],
        "channels": [_channel(guild_id, number) for number in range(guilds.channels)],
        "member_count": 2,
        **words,
        **levels,
        **more,
        **lists,
    }


def _interaction(number: int, typed: str, guild_id: int) -> dict[str, Any]:
    option = {"name": "hero", "type": 3, "value": typed}
    data = {"id": "1", "name": "hero", "type": 1, "options": [option]}
    where = {"guild_id": str(guild_id), "channel_id": str(CHANNEL), "channel": _channel(guild_id)}
    languages = {"locale": "en-US", "guild_locale": "en-US"}
    rights: dict[str, Any] = {
        "app_permissions": "0",
        "entitlements": [],
        "authorizing_integration_owners": {},
        "context": 0,
    }
    rights["attachment_size_limit"] = 10_000_000
    return {
        "id": str(number),
        "application_id": str(APPLICATION),
        "type": 2,
        "token": f"{_TOKEN}{number}",
        "version": 1,
        "data": data,
        "member": _member(_USERS + number),
        **where,
        **languages,
        **rights,
    }


def _message(number: int, body: dict[str, Any]) -> dict[str, Any]:
    times = {"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None}
    flags = {"tts": False, "mention_everyone": False, "pinned": False, "flags": 0, "type": 20}
    lists: dict[str, Any] = {"mentions": [], "mention_roles": [], "attachments": []}
    return {
        "id": str(number),
        "channel_id": str(CHANNEL),
        "author": _user(1, bot=True),
        "content": body.get("content") or "",
        "embeds": body.get("embeds") or [],
        "components": body.get("components") or [],
        **times,
        **flags,
        **lists,
    }


@asynccontextmanager
async def discord_server(guilds: Guilds = _ONE_SMALL) -> AsyncIterator[DiscordServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    server = DiscordServer(guilds)
    app = web.Application()
    app.add_routes(server.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
