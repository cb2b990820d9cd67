"""One open page: sends what its person sees as it changes, and carries out what they do there."""

import asyncio
import json
import logging
from dataclasses import asdict

import simcord
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from bot.app import App
from bot.playground.actions import Request
from bot.playground.simulated_discord import Refused, SimulatedDiscord
from bot.playground.tutorial import steps
from bot.playground.view import MessageState, changes, seen_by, surroundings

log = logging.getLogger(__name__)

_LOOK = 0.1  # seconds between two looks at what has happened


class Tab:
    """A page and the person who looks at it. Any number may be open, of the same person too."""

    def __init__(
        self, socket: web.WebSocketResponse, person: simcord.MemberActor, world: SimulatedDiscord, app: App
    ) -> None:
        self._socket = socket
        self._person = person
        self._world = world
        self._app = app

    async def run(self) -> None:
        """Serve the page until it is closed."""
        await self._socket.send_json({"surroundings": surroundings(self._person, self._world)})
        async with asyncio.TaskGroup() as tasks:
            show = tasks.create_task(self._show())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    tasks.create_task(self._carry_out(message.data))
            show.cancel()

    async def _show(self) -> None:
        """Send every change, also while the bot is still at work on what was asked."""
        shown: MessageState = {}
        events = -1
        while not self._socket.closed:
            if events != self._world.events:
                events = self._world.events
                # a copy: the store's own objects change in place
                seen: MessageState = json.loads(json.dumps(seen_by(self._person, self._world)))
                news = changes(shown, seen) or {}
                shown = seen
                done = [asdict(step) for step in await steps(self._app)]
                await self._send({**news, "steps": done})
            await asyncio.sleep(_LOOK)

    async def _carry_out(self, text: str) -> None:
        """Do what the page asks for; its number comes back with the answer, or with why not."""
        number = None
        try:
            request = Request.model_validate_json(text)
            number = request.number
            answer = await request.action.run(self._person, self._world)
        except Refused as refused:
            answer = {"refused": str(refused)}
        except ValidationError:
            log.info("a page sent what is no action: %.200s", text, exc_info=True)
            answer = {"refused": "The page and the playground do not understand each other: reload it."}
        except Exception:
            log.exception("an action on the page failed: %.200s", text)
            answer = {"refused": "Something went wrong in the playground; its log says what."}
        await self._send({"number": number, **answer})

    async def _send(self, news: dict[str, object]) -> None:
        try:
            await self._socket.send_json(news)
        except ConnectionError:
            log.debug("a page was closed")
