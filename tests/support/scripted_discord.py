"""A local HTTP server with the routes of Discord's API that login, command sync, backfill and doctor use.

Unlike simcord it has pages, rate limits and super reactions, and discord.py's own HTTP client talks to it.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import discord
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

BOT = 1 << 22
NORMAL, BURST = 0, 1
LOCALIZED = ("name", "description")


@dataclass
class ScriptedDiscord:
    """The reactions under each message, as user ids by emoji and kind; and the errors to answer with."""

    messages: dict[int, dict[tuple[str, int], list[int]]] = field(default_factory=dict)
    bots: set[int] = field(default_factory=lambda: {BOT})
    closed: set[int] = field(default_factory=set)  # channels that the bot may not read
    limited: int = 0  # how many lists of people are refused with 429
    broken: set[int] = field(default_factory=set)  # messages that are answered with an error
    requests: list[str] = field(default_factory=list)  # paths with queries
    on_page: Any = None  # called before a page of people is sent
    login: tuple[int, str, str] | None = None  # status, content type and body of a login that fails
    starts_left: int = 1000
    registered: list[dict[str, Any]] = field(default_factory=list)  # commands, as Discord returns them
    syncs: list[list[dict[str, Any]]] = field(default_factory=list)  # what was sent to replace them
    refused_syncs: list[tuple[int, int]] = field(default_factory=list)  # status and code of the next ones
    guilds: dict[int, int] = field(default_factory=dict)  # by id, what the bot's role may do there
    channels: dict[int, tuple[int, int]] = field(default_factory=dict)  # server, and what is denied there
    profile: dict[str, str] = field(default_factory=dict)  # more fields of the application
    clock_skew: float = 0.0  # seconds by which this server's clock is behind

    def _message(self, request: web.Request) -> dict[tuple[str, int], list[int]]:
        self.requests.append(request.path_qs)
        if int(request.match_info["channel"]) in self.closed:
            raise _refusal(web.HTTPForbidden, 50001, "Missing Access")
        message = int(request.match_info["message"])
        if message in self.broken:
            raise _refusal(web.HTTPBadRequest, 0, "broken")
        if message not in self.messages:
            raise _refusal(web.HTTPNotFound, 10008, "Unknown Message")
        return self.messages[message]

    async def me(self, _request: web.Request) -> web.Response:
        if self.login is None:
            return _json(_user(BOT, bot=True))
        status, content_type, body = self.login
        return web.Response(status=status, body=body.encode(), content_type=content_type)

    async def gateway(self, _request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": self.starts_left, "reset_after": 9_000_000, "max_concurrency": 1}
        return _json({"shards": 1, "url": "wss://127.0.0.1:1", "session_start_limit": limit})

    async def application(self, _request: web.Request) -> web.Response:
        application = {
            "id": str(BOT),
            "name": "bot",
            "description": "",
            "icon": None,
            "verify_key": "",
            "flags": 0,
        }
        flags = {"bot_public": True, "bot_require_code_grant": False, "team": None}
        return _json(
            application
            | flags
            | {"owner": _user(BOT, bot=True), "rpc_origins": [], "summary": ""}
            | self.profile
        )

    async def guild(self, request: web.Request) -> web.Response:
        guild_id = int(request.match_info["guild"])
        self._require_guild(guild_id)
        everyone = _role(guild_id, 0)
        role = _role(guild_id + 1, self.guilds[guild_id])
        settings = dict.fromkeys(
            ("verification_level", "explicit_content_filter", "mfa_level", "nsfw_level"), 0
        )
        guild = {"id": str(guild_id), "name": "Home", "roles": [everyone, role], "owner_id": "1"}
        lists: dict[str, Any] = {"emojis": [], "stickers": [], "features": []}
        return _json(guild | settings | lists | {"preferred_locale": "en-US", "premium_tier": 0})

    async def member(self, request: web.Request) -> web.Response:
        guild_id = int(request.match_info["guild"])
        self._require_guild(guild_id)
        times = {"joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
        return _json({"user": _user(BOT, bot=True), "roles": [str(guild_id + 1)]} | times)

    def _require_guild(self, guild_id: int) -> None:
        if guild_id not in self.guilds:
            raise _refusal(web.HTTPNotFound, 10004, "Unknown Guild")

    async def channel(self, request: web.Request) -> web.Response:
        channel_id = int(request.match_info["channel"])
        if channel_id in self.closed:
            raise _refusal(web.HTTPForbidden, 50001, "Missing Access")
        if channel_id not in self.channels:
            raise _refusal(web.HTTPNotFound, 10003, "Unknown Channel")
        guild_id, denied = self.channels[channel_id]
        overwrite = {"id": str(guild_id), "type": 0, "allow": "0", "deny": str(denied)}
        channel = {
            "id": str(channel_id),
            "guild_id": str(guild_id),
            "name": "heroes",
            "type": 0,
            "position": 0,
        }
        return _json(channel | {"permission_overwrites": [overwrite] if denied else [], "nsfw": False})

    async def list_commands(self, request: web.Request) -> web.Response:
        """Return the commands; as Discord does, with the translations only if they are asked for."""
        if request.query.get("with_localizations") == "true":
            return _json(self.registered)
        return _json([_without_localizations(command) for command in self.registered])

    async def put_commands(self, request: web.Request) -> web.Response:
        sent = await request.json()
        self.syncs.append(sent)
        if self.refused_syncs:
            status, code = self.refused_syncs.pop(0)
            mistakes = {"0": {"name": {"_errors": [{"code": "X", "message": "Must be shorter"}]}}}
            body = {"code": code, "message": "refused"} | ({"errors": mistakes} if code == 50035 else {})
            return web.Response(
                status=status, body=json.dumps(body).encode(), content_type="application/json"
            )
        self.registered = [as_registered(command) for command in sent]
        return _json(self.registered)

    async def message(self, request: web.Request) -> web.Response:
        reactions = self._message(request)
        channel, message = request.match_info["channel"], request.match_info["message"]
        emojis = dict.fromkeys(emoji for emoji, _ in reactions)
        counts = [self._reaction(reactions, emoji) for emoji in emojis]
        head = {"id": message, "channel_id": channel, "author": _user(BOT, bot=True), "content": ""}
        empty: dict[str, Any] = {name: [] for name in ("mentions", "mention_roles", "attachments", "embeds")}
        times = {"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "type": 0}
        flags = {"tts": False, "mention_everyone": False, "pinned": False}
        return _json(head | empty | times | flags | {"reactions": counts})

    def _reaction(self, reactions: dict[tuple[str, int], list[int]], emoji: str) -> dict[str, Any]:
        plain, burst = reactions.get((emoji, NORMAL), []), reactions.get((emoji, BURST), [])
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(plain) + len(burst),
            "count_details": {"normal": len(plain), "burst": len(burst)},
            "me": BOT in plain,
            "me_burst": BOT in burst,
            "burst_colors": [],
        }

    async def people(self, request: web.Request) -> web.Response:
        reactions = self._message(request)
        if self.limited:
            self.limited -= 1
            raise _refusal(web.HTTPTooManyRequests, 0, "slow down", retry_after=0.05)
        if self.on_page:
            self.on_page()
        kind, after = int(request.query.get("type", NORMAL)), int(request.query.get("after", 0))
        user_ids = reactions.get((request.match_info["emoji"], kind), [])
        ids = sorted(user_id for user_id in user_ids if user_id > after)
        page = ids[: int(request.query["limit"])]
        return _json([_user(user_id, bot=user_id in self.bots) for user_id in page])


def as_registered(command: dict[str, Any]) -> dict[str, Any]:
    """Return a command as Discord gives it back: with ids, permissions as text, and its own defaults."""
    permissions = command["default_member_permissions"]
    added = {"id": str(hash(command["name"]) % 2**50), "application_id": str(BOT), "version": "1"}
    return {
        **_option_as_registered(command),
        **added,
        "default_member_permissions": None if permissions is None else str(permissions),
        "dm_permission": 1 in (command["contexts"] or (1,)),
        "contexts": command["contexts"] and command["contexts"][::-1],
        "integration_types": command["integration_types"] or [0],
        "nsfw": False,
    }


def _option_as_registered(option: dict[str, Any]) -> dict[str, Any]:
    empty = [name for name, value in option.items() if value is False or value in ([], {})]
    kept = {name: value for name, value in option.items() if name not in empty}
    names = {f"{part}_localizations": option.get(f"{part}_localizations") or None for part in LOCALIZED}
    inner = (
        {"options": [_option_as_registered(each) for each in option["options"]]}
        if kept.get("options")
        else {}
    )
    return {**kept, **names, **inner}


def _without_localizations(command: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in command.items() if not name.endswith("_localizations")}
    return kept | {"options": [_without_localizations(each) for each in command.get("options", [])]}


def _json(content: Any) -> web.Response:
    """Answer without a charset: discord.py parses no JSON with one."""
    return web.Response(body=json.dumps(content).encode(), content_type="application/json")


def _role(role_id: int, permissions: int) -> dict[str, Any]:
    flags = dict.fromkeys(("hoist", "managed", "mentionable"), False)
    head = {"id": str(role_id), "name": "r", "color": 0, "position": 0, "flags": 0}
    return head | flags | {"permissions": str(permissions)}


def _user(user_id: int, *, bot: bool) -> dict[str, Any]:
    return {"id": str(user_id), "username": "u", "discriminator": "0", "avatar": None, "bot": bot}


def _refusal(kind: type[web.HTTPException], code: int, text: str, **details: float) -> web.HTTPException:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "0.05", "Via": "1.1 local"}
    body = json.dumps({"code": code, "message": text, "global": False, **details})
    refusal = kind(text=body, headers=headers if details else None)
    refusal.headers["Content-Type"] = "application/json"
    return refusal


@asynccontextmanager
async def scripted_discord() -> AsyncIterator[ScriptedDiscord]:
    """Serve until the block ends, and redirect discord.py to this server."""
    script = ScriptedDiscord()

    @web.middleware
    async def dated(request: web.Request, handler: Handler) -> web.StreamResponse:
        now = formatdate(time.time() - script.clock_skew, usegmt=True)
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            refusal.headers["Date"] = now
            raise
        response.headers["Date"] = now
        return response

    service = web.Application(middlewares=[dated])
    message = "/channels/{channel}/messages/{message}"
    service.add_routes(
        [
            web.get("/users/@me", script.me),
            web.get("/oauth2/applications/@me", script.application),
            web.get("/gateway/bot", script.gateway),
            web.get("/applications/{id}/commands", script.list_commands),
            web.put("/applications/{id}/commands", script.put_commands),
            web.get("/guilds/{guild}", script.guild),
            web.get("/guilds/{guild}/members/{user}", script.member),
            web.get("/channels/{channel}", script.channel),
            web.get(message, script.message),
            web.get(message + "/reactions/{emoji}", script.people),
        ]
    )
    async with TestServer(service) as server:
        real_base = discord.http.Route.BASE
        discord.http.Route.BASE = str(server.make_url("")).rstrip("/")
        try:
            yield script
        finally:
            discord.http.Route.BASE = real_base
