"""One open page: sends changes of what its person sees, and runs the person's actions."""

import asyncio
import json
import logging
from dataclasses import asdict

import simcord
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from bot.app import App
from bot.playground.actions import ActionRequest
from bot.playground.simulated_discord import Refused, SimulatedDiscord
from bot.playground.tutorial import steps
from bot.playground.view import MessageState, diff, surroundings, visible_messages

log = logging.getLogger(__name__)

_POLL_INTERVAL = 0.1  # seconds


class Tab:
    """An open page and its person. Several pages may be open, also of the same person."""

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
            sender = tasks.create_task(self._send_changes())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    tasks.create_task(self._run_action(message.data))
            sender.cancel()

    async def _send_changes(self) -> None:
        """Send every change, also while an action is still running."""
        shown: MessageState = {}
        event_count = -1
        while not self._socket.closed:
            if event_count != self._world.event_count:
                event_count = self._world.event_count
                # a copy: the store changes its objects in place
                visible: MessageState = json.loads(json.dumps(visible_messages(self._person, self._world)))
                changes = diff(shown, visible) or {}
                shown = visible
                tutorial = [asdict(step) for step in await steps(self._app, self._world)]
                await self._send({**changes, "steps": tutorial})
            await asyncio.sleep(_POLL_INTERVAL)

    async def _run_action(self, text: str) -> None:
        """Run an action that the page asks for. Send its number back with the answer or the refusal."""
        number = None
        try:
            request = ActionRequest.model_validate_json(text)
            number = request.number
            answer = await request.action.run(self._person, self._world)
        except Refused as refused:
            answer = {"refused": str(refused)}
        except ValidationError:
            log.info("a page sent an invalid action: %.200s", text, exc_info=True)
            answer = {"refused": "The page and the playground do not understand each other: reload it."}
        except Exception:
            log.exception("an action on the page failed: %.200s", text)
            answer = {"refused": "Something went wrong in the playground; its log says what."}
        await self._send({"number": number, **answer})

    async def _send(self, message: dict[str, object]) -> None:
        try:
            await self._socket.send_json(message)
        except ConnectionError:
            log.debug("a page was closed")
