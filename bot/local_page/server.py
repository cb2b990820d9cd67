"""How a local page is served: on this machine only, behind its token, with its own and shared files."""

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.errors import OperatorError
from bot.local_page.access import Access, Handler
from bot.local_page.localization import SHARED_FOLDER

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_SHUTDOWN_TIMEOUT = 2.0  # seconds for open requests
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The served page: its address for people, which holds the token that opens it."""

    origin: str
    token: str

    @property
    def url(self) -> str:
        return f"{self.origin}/?token={self.token}"


@asynccontextmanager
async def serve_page(
    web_app: web.Application, access: Access, folder: Path, port: int, *, name: str, option: str
) -> AsyncIterator[Page]:
    """Serve an application with `access` among its middlewares; its files in `folder` are below /page.

    port: 0 means any free one. name and option: what an OperatorError calls the page, and what changes the
    port; it is raised if the port cannot be had.
    """
    web_app.on_response_prepare.append(_add_security_headers)
    web_app.router.add_get("/page/{file:[a-z_-]+\\.[a-z]+}", _file_handler(folder))
    runner = web.AppRunner(web_app, shutdown_timeout=_SHUTDOWN_TIMEOUT)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101  `setup` made it
        try:
            listening = await asyncio.get_running_loop().create_server(
                partial(_Connection, runner.server), _HOST, port
            )
        except OSError as error:
            raise OperatorError(_port_text(port, error, name, option)) from error
        try:
            yield Page(f"http://{_HOST}:{listening.sockets[0].getsockname()[1]}", access.token)
        finally:
            listening.close()
    finally:
        await runner.cleanup()


class _Connection(web.RequestHandler):
    """One connection. What is not HTTP is answered without repeating it: an address holds the token."""

    def __init__(self, server: web.Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be read without a traceback, which would be in the operator's terminal."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        log.info("a request from this machine is not valid HTTP")
        response = web.Response(status=status, text="This is not valid HTTP.\n")
        response.force_close()
        return response


def _file_handler(folder: Path) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        files = (each / request.match_info["file"] for each in (folder, SHARED_FOLDER))
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            raise web.HTTPNotFound
        return web.FileResponse(found)

    return handler


def _port_text(port: int, error: OSError, name: str, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program, or by a {name} that runs already: set "
            f"{option} to another one, or to 0 for a free one."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"The page cannot be opened at port {port}: {reason}. Set {option} to another one."


async def _add_security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Forbid the page to load anything from elsewhere, and other pages to frame it."""
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)  # the page of a refused request has a policy of its own
