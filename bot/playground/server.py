"""The page's server, for this machine alone: one page, its files, what is attached, and a socket a tab."""

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path

from aiohttp import WSCloseCode, web
from simcord.backend.cdn import CDN_BASE

from bot.app import App
from bot.errors import OperatorError
from bot.playground.simulated_discord import SimulatedDiscord
from bot.playground.tab import Tab

_FILES = Path(__file__).parent / "page"
_HERE = "127.0.0.1"
_CLOSING = 2.0  # seconds that open requests get in the end
_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The page as it is served."""

    url: str


@asynccontextmanager
async def open_page(world: SimulatedDiscord, app: App, port: int) -> AsyncIterator[Page]:
    """Serve the page on this machine; port 0 takes a free one. Raises OperatorError where it is taken."""
    served = _Server(world, app)
    web_app = web.Application(middlewares=[_from_here_only])
    web_app.on_response_prepare.append(_guard)
    web_app.on_shutdown.append(served.close)
    web_app.router.add_get("/", served.index)
    web_app.router.add_get("/socket", served.socket)
    web_app.router.add_get("/attachments/{path:.+}", served.attachment)
    web_app.router.add_static("/page", _FILES)
    runner = web.AppRunner(web_app, access_log=None, shutdown_timeout=_CLOSING)
    await runner.setup()
    try:
        site = web.TCPSite(runner, _HERE, port)
        try:
            await site.start()
        except OSError as error:
            raise OperatorError(f"The page cannot be opened at PLAYGROUND_PORT {port}: {error}") from error
        yield Page(f"http://{_HERE}:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()


class _Server:
    def __init__(self, world: SimulatedDiscord, app: App) -> None:
        self._world = world
        self._app = app
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def index(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(_FILES / "index.html")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """A tab's connection, in the name of the person whom `as` gives."""
        person = self._world.people.get(request.query.get("as", ""))
        if person is None or request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._sockets.add(socket)
        await Tab(socket, person, self._world, self._app).run()
        return socket

    async def attachment(self, request: web.Request) -> web.Response:
        """A file of a message: pictures are shown, everything else is saved."""
        data = self._world.env.backend.cdn.get(f"{CDN_BASE}{request.path}")
        if data is None:
            raise web.HTTPNotFound
        kind, _ = guess_type(request.path)
        if kind in _PICTURES:
            return web.Response(body=data, content_type=kind)
        saved = {"Content-Disposition": "attachment"}
        return web.Response(body=data, content_type="application/octet-stream", headers=saved)

    async def close(self, _app: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the playground has ended")


@web.middleware
async def _from_here_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse other names for this machine: by one, a web site elsewhere could reach the page."""
    if request.url.host not in (_HERE, "localhost"):
        raise web.HTTPForbidden
    return await handler(request)


async def _guard(_request: web.Request, response: web.StreamResponse) -> None:
    """The page loads nothing from elsewhere, and no one else's page frames it."""
    response.headers.update(_HEADERS)
