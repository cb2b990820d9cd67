"""The playground as `herosmith run` opens it, with the real bot and a scripted model server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from bot.app import App
from bot.local_page.server import Page
from bot.playground.server import open_page
from bot.playground.simulated_discord import HOME, SimulatedDiscord, open_simulated_discord
from bot.settings import Settings
from tests.support.eventually import eventually

Message = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"home_guilds": frozenset({HOME})})


@pytest.fixture
async def world(app: App) -> AsyncIterator[SimulatedDiscord]:
    """Open the channel of a server that was greeted before, so that it begins without messages."""
    await app.onboarding.claim_greeting(HOME, joined_at=None)
    async with open_simulated_discord(app) as opened:
        clock = asyncio.create_task(opened.follow_real_time())
        yield opened
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock  # raises what stopped the clock


@pytest.fixture
async def page(world: SimulatedDiscord, app: App) -> AsyncIterator[Page]:
    async with open_page(world, app, 0) as opened:
        yield opened


class Visitor:
    """A page without a browser: sends requests over the socket and keeps what it received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.messages: dict[str, Message] = {}
        self.surroundings: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []
        self.language = ""
        self.texts: list[str] = []  # every text that any message has had, in order

    async def listen(self) -> None:
        async for event in self._socket:
            received = event.json()
            if "number" in received:
                self._answers.pop(received.pop("number")).set_result(received)
            self.surroundings = received.get("surroundings", self.surroundings)
            self.steps = received.get("steps", self.steps)
            self.language = received.get("language", self.language)
            for message in received.get("changed", []):
                self.messages[message["id"]] = message
                self.texts.append(message["content"])
            for message_id in received.get("gone", []):
                del self.messages[message_id]

    async def ask(self, **action: Any) -> dict[str, Any]:
        number = time.monotonic_ns()
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"number": number, "action": action})
        return await asyncio.wait_for(self._answers[number], 20)

    async def type_line(self, text: str) -> dict[str, Any]:
        return await self.ask(do="type", text=text)

    async def suggestions(self, text: str) -> list[str]:
        return [item["line"] for item in (await self.ask(do="suggest", text=text))["suggestions"]]

    async def wait_for(self, check: Callable[[], object]) -> None:
        """Wait until something holds on the page."""
        await eventually(check, what="a change on the page", timeout=20)

    async def wait_for_message(self, matches: Callable[[Message], Any], seconds: float = 20) -> Message:
        """Return the first matching message, as soon as the page has received it."""
        found: list[Message] = []

        def received() -> bool:
            found[:] = [message for message in self.messages.values() if matches(message)]
            return bool(found)

        await eventually(received, what="a matching message on the page", timeout=seconds)
        return found[0]


def visitor_session(page: Page, **headers: str) -> aiohttp.ClientSession:
    """Return a client that sends what the page's own scripts send, with `headers` in place or on top."""
    port = page.origin.rsplit(":", 1)[1]
    own = {"Origin": page.origin, "Cookie": f"herosmith-{port}={page.token}"}
    return aiohttp.ClientSession(page.origin, headers=own | headers)


@asynccontextmanager
async def visiting(page: Page, name: str, *, locale: str = "en") -> AsyncIterator[Visitor]:
    """Open the page as a person, in a browser of some language."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(visitor_session(page))
        socket = await stack.enter_async_context(session.ws_connect(f"/socket?as={name}&locale={locale}"))
        visitor = Visitor(socket)
        listening = asyncio.create_task(visitor.listen())
        yield visitor
        await socket.close()
        await listening


@pytest.fixture
async def olga(page: Page) -> AsyncIterator[Visitor]:
    async with visiting(page, "olga") as visitor:
        yield visitor


@pytest.fixture
async def ana(page: Page) -> AsyncIterator[Visitor]:
    async with visiting(page, "ana") as visitor:
        yield visitor
