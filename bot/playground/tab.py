"""One open page: sends changes of what its person sees, and runs the person's actions."""

import asyncio
import json
import logging
import math
import time
from dataclasses import asdict

import simcord
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from bot.app import App
from bot.errors import Refused
from bot.i18n.message import Translator
from bot.playground.actions import ActionRequest
from bot.playground.simulated_discord import HOME, SimulatedDiscord
from bot.playground.tutorial import steps
from bot.playground.view import MessageState, diff, surroundings, visible_messages

log = logging.getLogger(__name__)

_POLL_INTERVAL = 0.1  # seconds
_GUIDE_INTERVAL = 1.0  # seconds


class Tab:
    """An open page and its person. Several pages may be open, also of the same person.

    locale: the language of the page's browser.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        person: simcord.MemberActor,
        world: SimulatedDiscord,
        app: App,
        *,
        locale: str,
    ) -> None:
        self._socket = socket
        self._person = person
        self._world = world
        self._app = app
        self._locale = locale

    async def _translator(self) -> Translator:
        return await self._app.guild_settings.translator(HOME, self._locale)

    async def run(self) -> None:
        """Serve the page until it is closed."""
        self._world.visit(self._locale)
        known = surroundings(self._person, self._world, await self._translator())
        await self._socket.send_json({"surroundings": known})
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send_changes())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    tasks.create_task(self._run_action(message.data))
            sender.cancel()

    async def _send_changes(self) -> None:
        """Send every change, also while an action is still running."""
        shown: MessageState | None = None
        guide: dict[str, object] = {}
        event_count, guided_at = -1, -math.inf
        while not self._socket.closed:
            t = await self._translator()
            happened = event_count != self._world.event_count
            if happened:
                event_count = self._world.event_count
                # a copy: the store changes its objects in place
                visible: MessageState = json.loads(json.dumps(visible_messages(self._person, self._world, t)))
                changes = diff(shown, visible) or {}
                shown = visible
                if changes:
                    await self._send(changes)
            # also when nothing happens: the bot writes a vote down after its event
            if happened or time.monotonic() - guided_at > _GUIDE_INTERVAL:
                guided_at = time.monotonic()
                before, guide = guide, await self._guide(t)  # takes longer than the messages, which go first
                if guide != before:
                    await self._send(guide)
            await asyncio.sleep(_POLL_INTERVAL)

    async def _guide(self, t: Translator) -> dict[str, object]:
        """Return the steps in the language of the page, and which that is."""
        translated = await steps(self._app, self._world, t)
        return {"steps": list(map(asdict, translated)), "language": t.code}

    async def _run_action(self, text: str) -> None:
        """Run an action that the page asks for. Send its number back with the answer or the refusal."""
        number = None
        self._world.act_in(self._locale)
        t = await self._translator()
        try:
            request = ActionRequest.model_validate_json(text)
            number = request.number
            answer = await request.action.run(self._person, self._world, t)
        except Refused as refused:
            answer = {"refused": t(refused.message)}
        except ValidationError as invalid:
            log.info("a page sent an invalid action: %s", [each["loc"] for each in invalid.errors()])
            answer = {"refused": t("The page and the playground do not understand each other: reload it.")}
        except Exception:
            log.exception("an action on the page failed")
            answer = {"refused": t("Something went wrong in the playground; its log says what.")}
        await self._send({"number": number, **answer})

    async def _send(self, message: dict[str, object]) -> None:
        try:
            await self._socket.send_json(message)
        except ConnectionError:
            log.debug("a page was closed")
