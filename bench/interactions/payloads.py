"""What the simulated Discord sends: objects of Discord's API, with the fields that discord.py reads."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

GUILD, CHANNEL, APPLICATION = 10_000, 20_000, 30_000
USERS = 1_000_000  # each user asks once, so no limit per user is reached
TOKEN = "interaction"  # noqa: S105  (of an interaction: no secret here)
_ADMINISTRATOR = str(1 << 3)  # the permission


@dataclass(frozen=True, slots=True)
class Guilds:
    """How many servers each shard has, and how many channels and roles each server."""

    count: int = 1
    channels: int = 1
    roles: int = 1


def json_response(data: Any) -> web.Response:
    """Answer a request."""
    # discord.py reads JSON only if the content type has no charset
    return web.Response(body=json.dumps(data).encode(), headers={"Content-Type": "application/json"})


def user_payload(number: int, *, bot: bool = False) -> dict[str, Any]:
    """Return a user."""
    user = {"id": str(number), "username": f"user{number}", "discriminator": "0", "global_name": None}
    return {**user, "avatar": None, "bot": bot, "verified": True, "mfa_enabled": True, "flags": 0}


def member_payload(number: int) -> dict[str, Any]:
    """Return a member of a server, without roles of their own."""
    times = {"joined_at": "2026-01-01T00:00:00+00:00", "premium_since": None}
    state = {"roles": [], "deaf": False, "mute": False, "flags": 0, "nick": None, "avatar": None}
    return {"user": user_payload(number), **times, **state, "permissions": "0"}


def guild_id_of(shard: int) -> int:
    """Return the id of a shard's server, of the bits of which Discord counts shards."""
    return GUILD + (shard << 22)


def channel_payload(guild_id: int, number: int = 0) -> dict[str, Any]:
    """Return a text channel of a server."""
    channel_id = guild_id + number if number else CHANNEL  # /hero comes from the first one
    place = {
        "id": str(channel_id),
        "guild_id": str(guild_id),
        "type": 0,
        "name": "heroes",
        "position": number,
    }
    return {**place, "permission_overwrites": [], "nsfw": False, "parent_id": None, "permissions": "0"}


def role_payload(guild_id: int, number: int) -> dict[str, Any]:
    """Return a role of a server, which may do everything."""
    name = f"role {number}" if number else "@everyone"
    role = {"id": str(guild_id + number), "name": name, "color": 0, "hoist": False, "position": number}
    return {**role, "permissions": _ADMINISTRATOR, "managed": False, "mentionable": False, "flags": 0}


def guild_payload(guild_id: int, guilds: Guilds) -> dict[str, Any]:
    """Return a server with its channels and roles."""
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
        "members": [member_payload(1)],
        "threads": [],
        "presences": [],
    }
    return {
        "id": str(guild_id),
        "roles": [role_payload(guild_id, number) for number in range(guilds.roles)],
        "channels": [channel_payload(guild_id, number) for number in range(guilds.channels)],
        "member_count": 2,
        **words,
        **levels,
        **more,
        **lists,
    }


def interaction_payload(number: int, typed: str, guild_id: int) -> dict[str, Any]:
    """Return a /hero that a member typed in a server's first channel."""
    option = {"name": "hero", "type": 3, "value": typed}
    data = {"id": "1", "name": "hero", "type": 1, "options": [option]}
    where = {"guild_id": str(guild_id), "channel_id": str(CHANNEL), "channel": channel_payload(guild_id)}
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
        "token": f"{TOKEN}{number}",
        "version": 1,
        "data": data,
        "member": member_payload(USERS + number),
        **where,
        **languages,
        **rights,
    }


def message_payload(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return a message of the bot with what it has sent."""
    times = {"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None}
    flags = {"tts": False, "mention_everyone": False, "pinned": False, "flags": 0, "type": 20}
    lists: dict[str, Any] = {"mentions": [], "mention_roles": [], "attachments": []}
    return {
        "id": str(number),
        "channel_id": str(CHANNEL),
        "author": user_payload(1, bot=True),
        "content": body.get("content") or "",
        "embeds": body.get("embeds") or [],
        "components": body.get("components") or [],
        **times,
        **flags,
        **lists,
    }
