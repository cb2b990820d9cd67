"""The Discord of bench.interactions with people who also click: on buttons, and on reactions.

It keeps the bot's messages with the reactions under them, the commands that were synced, and what was posted.
"""

import asyncio
from collections import defaultdict
from typing import Any

from aiohttp import web

from bench.interactions.discord_server import DiscordServer
from bench.interactions.payloads import (
    APPLICATION,
    CHANNEL,
    TOKEN,
    Guilds,
    guild_id_of,
    interaction_payload,
    json_response,
    member_payload,
    message_payload,
    user_payload,
)

_BUTTON, _COMPONENT = 2, 3  # the kinds of a component, and of an interaction with one


class ClickedDiscord(DiscordServer):
    """A Discord in which each shard has one server, whose members click."""

    def __init__(self) -> None:
        super().__init__(Guilds())
        self.posts: list[str] = []  # texts that the bot sent by itself
        self._registered: list[dict[str, Any]] = []
        self._shown: dict[int, dict[str, Any]] = {}  # by message, what the bot has sent last
        self._voters: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._pressed: dict[int, asyncio.Future[str]] = {}

    async def react(self, message: int, emoji: str, person: int, shard: int) -> None:
        """Let a member of a shard's server react to a message."""
        self._voters[message][emoji].append(person)
        place = {"channel_id": str(CHANNEL), "message_id": str(message), "guild_id": str(guild_id_of(shard))}
        who = {"user_id": str(person), "member": member_payload(person), "message_author_id": "1"}
        what = {"emoji": {"id": None, "name": emoji}, "burst": False, "type": 0}
        await self._dispatch(shard, "MESSAGE_REACTION_ADD", place | who | what)

    def button(self, message: int, begins: str) -> str:
        """Return the custom id of a button under a message."""
        rows = self._shown[message]["components"]
        return next(
            str(each["custom_id"])
            for row in rows
            for each in row["components"]
            if each.get("custom_id", "").startswith(begins)
        )

    async def press(self, message: int, custom_id: str, shard: int) -> str:
        """Let a new member of a shard's server press a button, and return what they alone are told."""
        number = next(self._numbers)
        told = self._pressed[number] = asyncio.get_running_loop().create_future()
        payload = interaction_payload(number, "", guild_id_of(shard))
        payload["type"] = _COMPONENT
        payload["data"] = {"custom_id": custom_id, "component_type": _BUTTON}
        payload["message"] = message_payload(message, self._shown[message])
        await self._dispatch(shard, "INTERACTION_CREATE", payload)
        return await asyncio.wait_for(told, 60)

    def routes(self) -> list[web.RouteDef]:
        message = "/api/channels/{channel}/messages/{message}"
        return [
            web.post("/api/channels/{channel}/messages", self._post),
            web.get(message, self._get_message),
            web.get(f"{message}/reactions/{{emoji}}", self._get_voters),
            *super().routes(),
        ]

    async def _commands(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.syncs += 1
            self._registered = await request.json()
        return json_response([each | {"application_id": str(APPLICATION)} for each in self._registered])

    async def _callback(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if number not in self._pressed:
            return await super()._callback(request)
        resource = {"id": str(number), "type": _COMPONENT, "response_message_id": str(number)}
        return json_response({"interaction": resource | {"response_message_loading": True}})

    async def _edit(self, request: web.Request) -> web.Response:
        number = int(request.match_info["token"].removeprefix(TOKEN))
        self._shown[number] = self._shown.get(number, {}) | await request.json()
        return await super()._edit(request)

    async def _follow_up(self, request: web.Request) -> web.Response:
        number = int(request.match_info["token"].removeprefix(TOKEN))
        if number in self._pressed:
            self._pressed.pop(number).set_result((await request.json())["content"])
        return await super()._follow_up(request)

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posts.append(body["content"])
        return json_response(message_payload(next(self._numbers), body))

    async def _get_message(self, request: web.Request) -> web.Response:
        number = int(request.match_info["message"])
        reactions = [
            {
                "emoji": {"id": None, "name": emoji},
                "count": len(voters) + 1,
                "count_details": {"burst": 0, "normal": len(voters) + 1},
                "me": True,
                "me_burst": False,
                "burst_colors": [],
            }
            for emoji, voters in self._voters[number].items()
        ]
        return json_response(message_payload(number, self._shown[number]) | {"reactions": reactions})

    async def _get_voters(self, request: web.Request) -> web.Response:
        voters = self._voters[int(request.match_info["message"])][request.match_info["emoji"]]
        return json_response([user_payload(each) for each in voters])
