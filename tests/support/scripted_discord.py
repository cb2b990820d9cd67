"""A local HTTP server with the few routes of Discord's API by which missed votes are looked up.

simcord knows neither pages nor rate limits nor super reactions; here discord.py's own HTTP client meets them.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
from aiohttp import web
from aiohttp.test_utils import TestServer

BOT = 1 << 22
NORMAL, BURST = 0, 1


@dataclass
class ScriptedDiscord:
    """What stands under which message: people's ids by emoji and kind; and what goes wrong."""

    messages: dict[int, dict[tuple[str, int], list[int]]] = field(default_factory=dict)
    bots: set[int] = field(default_factory=lambda: {BOT})
    closed: set[int] = field(default_factory=set)  # channels that the bot may not read
    limited: int = 0  # so many lists of people are refused with 429
    broken: set[int] = field(default_factory=set)  # messages over which the server stumbles
    asked: list[str] = field(default_factory=list)
    on_page: Any = None  # called before a list of people is given

    def _message(self, request: web.Request) -> dict[tuple[str, int], list[int]]:
        self.asked.append(request.path_qs)
        if int(request.match_info["channel"]) in self.closed:
            raise _refusal(web.HTTPForbidden, 50001, "Missing Access")
        message = int(request.match_info["message"])
        if message in self.broken:
            raise _refusal(web.HTTPBadRequest, 0, "broken")
        if message not in self.messages:
            raise _refusal(web.HTTPNotFound, 10008, "Unknown Message")
        return self.messages[message]

    async def me(self, _request: web.Request) -> web.Response:
        return _json(_user(BOT, bot=True))

    async def application(self, _request: web.Request) -> web.Response:
        about = {"id": str(BOT), "name": "bot", "description": "", "icon": None, "verify_key": "", "flags": 0}
        rights = {"bot_public": True, "bot_require_code_grant": False, "team": None}
        return _json(about | rights | {"owner": _user(BOT, bot=True), "rpc_origins": [], "summary": ""})

    async def commands(self, _request: web.Request) -> web.Response:
        return _json([])

    async def message(self, request: web.Request) -> web.Response:
        under = self._message(request)
        channel, message = request.match_info["channel"], request.match_info["message"]
        reactions = [self._reaction(under, emoji) for emoji in dict.fromkeys(emoji for emoji, _ in under)]
        shown = {"id": message, "channel_id": channel, "author": _user(BOT, bot=True), "content": ""}
        nothing: dict[str, Any] = {
            name: [] for name in ("mentions", "mention_roles", "attachments", "embeds")
        }
        rest = {"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "type": 0}
        flags = {"tts": False, "mention_everyone": False, "pinned": False}
        return _json(shown | nothing | rest | flags | {"reactions": reactions})

    def _reaction(self, under: dict[tuple[str, int], list[int]], emoji: str) -> dict[str, Any]:
        plain, burst = under.get((emoji, NORMAL), []), under.get((emoji, BURST), [])
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(plain) + len(burst),
            "count_details": {"normal": len(plain), "burst": len(burst)},
            "me": BOT in plain,
            "me_burst": BOT in burst,
            "burst_colors": [],
        }

    async def people(self, request: web.Request) -> web.Response:
        under = self._message(request)
        if self.limited:
            self.limited -= 1
            raise _refusal(web.HTTPTooManyRequests, 0, "slow down", retry_after=0.05)
        if self.on_page:
            self.on_page()
        kind, after = int(request.query.get("type", NORMAL)), int(request.query.get("after", 0))
        ids = sorted(each for each in under.get((request.match_info["emoji"], kind), []) if each > after)
        page = ids[: int(request.query["limit"])]
        return _json([_user(each, bot=each in self.bots) for each in page])


def _json(content: Any) -> web.Response:
    """discord.py reads no JSON where a charset is named."""
    return web.Response(body=json.dumps(content).encode(), content_type="application/json")


def _user(user_id: int, *, bot: bool) -> dict[str, Any]:
    return {"id": str(user_id), "username": "u", "discriminator": "0", "avatar": None, "bot": bot}


def _refusal(kind: type[web.HTTPException], code: int, text: str, **more: float) -> web.HTTPException:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "0.05", "Via": "1.1 local"}
    body = json.dumps({"code": code, "message": text, "global": False, **more})
    refusal = kind(text=body, headers=headers if more else None)
    refusal.headers["Content-Type"] = "application/json"
    return refusal


@asynccontextmanager
async def scripted_discord() -> AsyncIterator[ScriptedDiscord]:
    """Serve it, and lead discord.py there."""
    script = ScriptedDiscord()
    service = web.Application()
    under = "/channels/{channel}/messages/{message}"
    service.add_routes(
        [
            web.get("/users/@me", script.me),
            web.get("/oauth2/applications/@me", script.application),
            web.put("/applications/{id}/commands", script.commands),
            web.get(under, script.message),
            web.get(under + "/reactions/{emoji}", script.people),
        ]
    )
    async with TestServer(service) as server:
        real = discord.http.Route.BASE
        discord.http.Route.BASE = str(server.make_url("")).rstrip("/")
        try:
            yield script
        finally:
            discord.http.Route.BASE = real
