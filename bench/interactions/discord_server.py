"""A simulated Discord over real HTTP: the REST routes and the gateway that /hero needs.

Its only state is the pending interactions. Each ends with the second thumb on its message.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from bench.interactions.payloads import (
    APPLICATION,
    CHANNEL,
    TOKEN,
    USERS,
    Guilds,
    guild_id_of,
    guild_payload,
    interaction_payload,
    json_response,
    member_payload,
    message_payload,
    user_payload,
)

_THUMBS = 2


@dataclass
class PendingInteraction:
    """One /hero: when it was sent, and the seconds until it was acknowledged and done.

    number: the id of the message that answers it.
    """

    number: int
    sent_at: float
    done: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: float = 0.0  # seconds since sent_at
    ended: float = 0.0
    thumbs: int = 0


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
        interaction = self._pending[number] = PendingInteraction(number, time.perf_counter())
        payload = interaction_payload(number, typed, guild_id_of(shard))
        await self._dispatch(shard, "INTERACTION_CREATE", payload)
        await asyncio.wait_for(interaction.done.wait(), 60)
        del self._pending[number]
        return interaction

    async def send_messages(self, count: int) -> None:
        """Send so many messages of people, in all servers in turn, as a bot gets them: without their text."""
        for number in range(count):
            guild_id = guild_id_of(number % self._guilds.count)
            channel = {"channel_id": str(CHANNEL), "guild_id": str(guild_id)}
            author = {"author": user_payload(USERS + number), "member": member_payload(USERS + number)}
            message = message_payload(next(self._numbers), {}) | channel | author | {"type": 0}
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
        ids = [guild_id_of(shard + number * count) for number in range(self._guilds.count)]
        unknown = [{"id": str(each), "unavailable": True} for each in ids]
        me, application = user_payload(1, bot=True), {"id": str(APPLICATION), "flags": 0}
        ready = {"v": 10, "user": me, "guilds": unknown, "application": application}
        more = {"shard": [shard, count], "session_id": "s", "resume_gateway_url": self.url}
        await self._dispatch(shard, "READY", {**ready, **more})
        for each in ids:
            await self._dispatch(shard, "GUILD_CREATE", guild_payload(each, self._guilds))
        self.connected.set()

    async def _dispatch(self, shard: int, name: str, data: dict[str, Any]) -> None:
        await self._gateways[shard].send_json({"op": 0, "t": name, "s": next(self._sequence), "d": data})

    async def _gateway_info(self, _: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return json_response({"shards": 1, "url": f"{self.url}/gateway", "session_start_limit": limit})

    async def _me(self, _: web.Request) -> web.Response:
        return json_response(user_payload(1, bot=True))

    async def _application(self, _: web.Request) -> web.Response:
        application = {"id": str(APPLICATION), "name": "bench", "description": "", "icon": None}
        rights = {"bot_public": False, "bot_require_code_grant": False, "verify_key": ""}
        return json_response({**application, **rights, "owner": user_payload(2), "flags": 0})

    async def _commands(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.syncs += 1
        return json_response([])

    async def _callback(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        self.calls["callback"] += 1
        interaction = self._pending[number]
        interaction.acknowledged = time.perf_counter() - interaction.sent_at
        resource = {"id": str(number), "type": 2, "response_message_id": str(number)}
        return json_response({"interaction": {**resource, "response_message_loading": True}})

    async def _edit(self, request: web.Request) -> web.Response:
        number = int(request.match_info["token"].removeprefix(TOKEN))
        self.calls["edit"] += 1
        return json_response(message_payload(number, await request.json()))

    async def _follow_up(self, request: web.Request) -> web.Response:
        """Take what the first person in a server is told alone. If it is refused, the next one is told."""
        self.calls["follow-up"] += 1
        return json_response(message_payload(next(self._numbers), await request.json()))

    async def _react(self, request: web.Request) -> web.Response:
        self.calls["reaction"] += 1
        interaction = self._pending[int(request.match_info["id"])]
        interaction.thumbs += 1
        if interaction.thumbs == _THUMBS:
            interaction.ended = time.perf_counter() - interaction.sent_at
            interaction.done.set()
        return web.Response(status=204)


ServerT = TypeVar("ServerT", bound=DiscordServer)


@asynccontextmanager
async def discord_server(guilds: Guilds = _ONE_SMALL) -> AsyncIterator[DiscordServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    async with serving(DiscordServer(guilds)) as server:
        yield server


@asynccontextmanager
async def serving(server: ServerT) -> AsyncIterator[ServerT]:
    """Serve a simulated Discord on a free port of 127.0.0.1 until the block ends."""
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
