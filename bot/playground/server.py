"""The page's HTTP server, for this machine only: the page, its files, attachments, and a socket per tab."""

import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from mimetypes import guess_type
from pathlib import Path

from aiohttp import WSCloseCode, web
from simcord.backend.cdn import CDN_BASE

from bot.app import App
from bot.i18n.message import Translator, mark
from bot.local_page.access import Access, RefusalTexts
from bot.local_page.localization import accepted_languages, render_page
from bot.local_page.server import Page, serve_page
from bot.playground.documentation import FILE_PATTERN, find_file, render_document
from bot.playground.simulated_discord import HOME, SimulatedDiscord
from bot.playground.tab import Tab
from bot.playground.view import people

PAGE_FOLDER = Path(__file__).parent / "page"

_IMAGE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_REFUSAL = RefusalTexts(
    name="Herosmith playground",
    title=mark("This is not the address of the playground"),
    foreign=mark(
        "The playground answers its own page alone, at the address that was printed when it started."
    ),
    locked=mark(
        "The playground opens by the address that was printed when it started, with the token at its end. "
        "Each start has another token."
    ),
    todo=mark(
        "Look into the terminal in which the playground runs, and open the whole address that stands there "
        "(http://127.0.0.1:PORT/?token=...)."
    ),
)


@asynccontextmanager
async def open_page(world: SimulatedDiscord, app: App, port: int) -> AsyncIterator[Page]:
    """Serve the page on this machine; port 0 means any free one. Raise OperatorError if the port is taken."""
    server = _Server(world, app)
    access = Access(server.translator, _REFUSAL)
    web_app = web.Application(middlewares=[access.require])
    web_app.on_shutdown.append(server.close)
    web_app.router.add_get("/", server.index)
    web_app.router.add_get("/people", server.people)
    web_app.router.add_get(f"/{{file:{FILE_PATTERN}}}", server.documentation)
    web_app.router.add_get("/socket", server.socket)
    web_app.router.add_get("/attachments/{path:.+}", server.attachment)
    async with serve_page(
        web_app, access, PAGE_FOLDER, port, name="playground", option="PLAYGROUND_PORT"
    ) as page:
        yield page


class _Server:
    def __init__(self, world: SimulatedDiscord, app: App) -> None:
        self._world = world
        self._app = app
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def index(self, request: web.Request) -> web.Response:
        page = render_page(PAGE_FOLDER, await self.translator(request), self._locale(request))
        return web.Response(text=page, content_type="text/html")

    async def people(self, request: web.Request) -> web.Response:
        """Return whom a tab may be opened as."""
        return web.json_response(people(self._world, await self.translator(request)))

    def _locale(self, request: web.Request) -> str:
        """Return the supported language of a browser: as it accepts, or as its page says on."""
        accepted = request.query.get("locale") or request.headers.get("Accept-Language") or ""
        return self._app.guild_settings.languages.translator_for(*accepted_languages(accepted)).code

    async def translator(self, request: web.Request) -> Translator:
        """Return the translator into the server's language, or else the browser's."""
        return await self._app.guild_settings.translator(HOME, self._locale(request))

    async def documentation(self, request: web.Request) -> web.Response:
        """Return a page of the documentation beside the code, or a file that one links to."""
        file = find_file(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound(text="Only a checkout of the code has this page.")
        if file.suffix == ".md":
            page = render_document(file, await self.translator(request))
            return web.Response(text=page, content_type="text/html")
        kind, _ = guess_type(file.name)
        if kind in _IMAGE_TYPES:
            return web.Response(body=file.read_bytes(), content_type=kind)
        return web.Response(text=file.read_text(encoding="utf-8"))

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Connect a tab as the person that the query parameter `as` names."""
        person = self._world.people.get(request.query.get("as", ""))
        if person is None or "Origin" not in request.headers:  # browsers send it with every socket
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._sockets.add(socket)
        await Tab(socket, person, self._world, self._app, locale=self._locale(request)).run()
        return socket

    async def attachment(self, request: web.Request) -> web.Response:
        """Return an attachment: images to be shown, everything else to be saved."""
        data = self._world.env.backend.cdn.get(f"{CDN_BASE}{request.path}")
        if data is None:
            raise web.HTTPNotFound
        kind, _ = guess_type(request.path)
        if kind in _IMAGE_TYPES:
            return web.Response(body=data, content_type=kind)
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=data, content_type="application/octet-stream", headers=headers)

    async def close(self, _app: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the playground has ended")
