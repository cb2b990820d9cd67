"""The dashboard's HTTP server, for this machine only: the page, its sections, actions, and a live socket."""

import asyncio
import json
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from bot.app import App
from bot.dashboard.blocks import Block
from bot.dashboard.datasets import browse, dataset_blocks, judge
from bot.dashboard.health import health_blocks
from bot.dashboard.jobs import change_job, list_jobs
from bot.dashboard.models import model_blocks
from bot.dashboard.people import people_blocks
from bot.dashboard.spending import spending_blocks
from bot.errors import UserError
from bot.i18n.message import Translator, mark
from bot.local_page.access import Access, Handler, RefusalTexts
from bot.local_page.localization import accepted_languages, render_page
from bot.local_page.server import Page, serve_page

log = logging.getLogger(__name__)

PAGE_FOLDER = Path(__file__).parent / "page"

_POLL_INTERVAL = 1.0  # seconds between two looks at the jobs
_REFUSAL = RefusalTexts(
    name="Herosmith dashboard",
    title=mark("This is not the address of the dashboard"),
    foreign=mark(
        "The dashboard answers its own page alone, at the address that was printed when it started."
    ),
    locked=mark(
        "The dashboard opens by the address that was printed when it started, with the token at its end. "
        "Each start has another token."
    ),
    todo=mark(
        "Look into the terminal in which the dashboard runs, and open the whole address that stands there "
        "(http://127.0.0.1:PORT/?token=...)."
    ),
)
_SECTIONS: dict[str, Callable[[App, Translator], Awaitable[list[Block]]]] = {
    "datasets": dataset_blocks,
    "models": model_blocks,
    "people": people_blocks,
    "spending": spending_blocks,
    "health": health_blocks,
}


@asynccontextmanager
async def open_dashboard(app: App, port: int) -> AsyncIterator[Page]:
    """Serve the dashboard on this machine; port 0 means any free one.

    Raise OperatorError if the port is taken.
    """
    server = _Server(app)
    access = Access(server.translator, _REFUSAL)
    web_app = web.Application(middlewares=[access.require, server.answer_errors])
    web_app.on_shutdown.append(server.close)
    web_app.router.add_get("/", server.index)
    web_app.router.add_get("/socket", server.socket)
    web_app.router.add_get("/sections/{section}", server.section)
    web_app.router.add_get("/texts", server.texts)
    web_app.router.add_post("/texts/{example:[0-9]{1,18}}/{verdict}", server.judge)
    web_app.router.add_post("/jobs/{job:[0-9]{1,18}}/{change}", server.change_job)
    async with serve_page(web_app, access, PAGE_FOLDER, port, name="dashboard", option="--port") as page:
        yield page


class _Server:
    def __init__(self, app: App) -> None:
        self._app = app
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def translator(self, request: web.Request) -> Translator:
        """Return the translator into the browser's language."""
        accepted = accepted_languages(request.headers.get("Accept-Language") or "")
        return self._app.guild_settings.languages.translator_for(*accepted)

    @web.middleware
    async def answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse an action of a page that is not ours, and answer faults with a sentence (middleware)."""
        if request.method == "POST" and "Origin" not in request.headers:  # browsers send it with each
            raise web.HTTPForbidden
        t = await self.translator(request)
        try:
            return await handler(request)
        except UserError as error:
            return web.json_response({"refused": t(error.message)})
        except web.HTTPException:
            raise
        except Exception:
            log.exception("a request of the dashboard's page failed")
            refused = t("Something went wrong in the dashboard; its terminal says what.")
            return web.json_response({"refused": refused}, status=500)

    async def index(self, request: web.Request) -> web.Response:
        t = await self.translator(request)
        return web.Response(text=render_page(PAGE_FOLDER, t, t.code), content_type="text/html")

    async def section(self, request: web.Request) -> web.Response:
        """Return the blocks of a section."""
        blocks = _SECTIONS.get(request.match_info["section"])
        if blocks is None:
            raise web.HTTPNotFound
        return web.json_response({"blocks": await blocks(self._app, await self.translator(request))})

    async def texts(self, request: web.Request) -> web.Response:
        """Return a page of a dataset's texts."""
        return web.json_response(await browse(self._app, await self.translator(request), request.query))

    async def judge(self, request: web.Request) -> web.Response:
        """Keep or reject an example."""
        await judge(self._app, int(request.match_info["example"]), request.match_info["verdict"])
        return web.json_response({})

    async def change_job(self, request: web.Request) -> web.Response:
        """Pause, resume or cancel a job."""
        await change_job(self._app, int(request.match_info["job"]), request.match_info["change"])
        return web.json_response({})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Send the jobs, and then again whenever they have changed, until the page is closed."""
        if "Origin" not in request.headers:  # browsers send it with every socket
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._sockets.add(socket)
        sender = asyncio.create_task(self._send_jobs(socket, await self.translator(request)))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        return socket

    async def _send_jobs(self, socket: web.WebSocketResponse, t: Translator) -> None:
        """Send the jobs whenever they change. A fault closes the socket: the page opens another one."""
        sent = ""
        try:
            while not socket.closed:
                state: dict[str, Any] = {"jobs": await list_jobs(self._app, t)}
                if (now := json.dumps(state)) != sent:
                    await socket.send_str(now)
                    sent = now
                await asyncio.sleep(_POLL_INTERVAL)
        except ConnectionError:
            log.debug("a page was closed")
        except Exception:
            log.exception("the jobs could not be sent to a page")
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def close(self, _app: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the dashboard has ended")
