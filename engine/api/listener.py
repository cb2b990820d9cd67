"""Connections: accept them, keep them fewer than the process has file handles for, close idle ones.

asyncio's own accept loop takes connections until the handles run out; then it is deaf for a second, logs a
traceback, and begins again.
"""

import asyncio
import errno
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, PayloadEncodingError

from engine.errors import ApiError, unreadable_body

log = logging.getLogger(__name__)

_BACKLOG = 128  # connections that wait in the kernel to be accepted
_MAX_CONNECTIONS = 1000
_RESERVED_HANDLES = 64  # for models, trainers, the log
_HANDLES_PER_CONNECTION = 2  # its socket, and the file that it uploads or downloads
_WARNING_SECONDS = 60.0
_RETRY_SECONDS = 0.1
_HEAD_SECONDS = 25.0
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # IPv6 is turned off


def bind(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of `host` (all if it is empty). With port 0, a free port.

    Raises OSError if none can be used, and UnicodeError or ValueError if `host` cannot be a name.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listening: list[socket.socket] = []
    failure: OSError | None = None
    for family, *_, address in found:
        used = listening[0].getsockname()[1] if listening else port
        try:
            listening.append(
                socket.create_server((address[0], used, *address[2:]), family=family, backlog=_BACKLOG)
            )
        except OSError as error:
            failure = error
            if error.errno not in _ABSENT:
                break
    if failure and (not listening or failure.errno not in _ABSENT):
        for each in listening:
            each.close()
        raise failure
    return listening


def max_connections() -> int:
    """Return how many connections this process has file handles for."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return max(8, min(_MAX_CONNECTIONS, (handles - _RESERVED_HANDLES) // _HANDLES_PER_CONNECTION))


class Listener:
    """Accepts connections for an application's server, on sockets that `bind` returned.

    If there are too many, the one that has been idle for longest is closed in favour of the new one; if all
    are at work, the new one gets a 503.
    """

    def __init__(
        self,
        server: web.Server,
        listening: list[socket.socket],
        limit: int,
        head_seconds: float = _HEAD_SECONDS,
    ) -> None:
        """Accept nothing yet.

        limit: the number of connections.
        head_seconds: time until a connection is closed that waits for a request, or has half a head of one.
        """
        self._server = server
        self._listening = listening
        self._limit = limit
        self._head_seconds = head_seconds
        self._open: set[_Connection] = set()
        self._idle: dict[_Connection, None] = {}  # in the order in which they became idle
        self._warned_at = -_WARNING_SECONDS
        handle = server.request_handler

        async def handle_busily(request: web.BaseRequest) -> web.StreamResponse:
            assert isinstance(request.protocol, _Connection)  # noqa: S101  `_connect` made it
            self._idle.pop(request.protocol, None)
            return await handle(request)

        server.request_handler = handle_busily

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Accept connections until the end of the block, which closes the sockets."""
        tasks = []
        for each in self._listening:
            each.setblocking(False)
            tasks.append(asyncio.create_task(self._accept(each)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for each in self._listening:
                each.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
                if self._make_room():
                    await loop.connect_accepted_socket(self._connect, accepted)
                else:
                    _refuse(accepted)
                    await asyncio.sleep(0)  # under a flood, too, other work goes on
            except OSError as error:  # no handles left, or the client has gone
                if error.errno in {errno.EMFILE, errno.ENFILE}:
                    self._warn(f"no connection can be accepted: {error}")
                    self._close_idle()
                await asyncio.sleep(_RETRY_SECONDS)

    def _make_room(self) -> bool:
        if len(self._open) < self._limit:
            return True
        self._warn(f"there are {len(self._open)} connections; `ulimit -n` decides how many there may be")
        return self._close_idle()

    def _close_idle(self) -> bool:
        """Close the connection that has been idle for longest. Return whether there was one."""
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        self.remove(oldest)
        oldest.force_close()
        return True

    def _connect(self) -> "_Connection":
        return _Connection(self, self._server, self._head_seconds)

    def add(self, connection: "_Connection") -> None:
        """Count a new connection."""
        self._open.add(connection)
        self._idle[connection] = None

    def idle(self, connection: "_Connection") -> None:
        """Note that a connection has sent its response, and waits for the next request."""
        if connection in self._open:
            self._idle[connection] = None

    def remove(self, connection: "_Connection") -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def _warn(self, message: str) -> None:
        if time.monotonic() - self._warned_at >= _WARNING_SECONDS:
            self._warned_at = time.monotonic()
            log.warning("%s (this is said once a minute)", message)


class _Connection(web.RequestHandler):
    """One connection, which tells its listener when it is idle."""

    __slots__ = ("_listener",)

    def __init__(self, listener: Listener, server: web.Server, head_seconds: float) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            keepalive_timeout=head_seconds,  # despite its name it also ends a head that is incomplete by then
        )
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._listener.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._listener.remove(self)
        super().connection_lost(exc)

    async def finish_response(self, *arguments: Any) -> tuple[web.StreamResponse, bool]:
        try:
            return await super().finish_response(*arguments)
        finally:
            self._listener.idle(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP without a traceback in the log, which any client could fill with it."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone, which aiohttp then notes for debugging alone
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        reason = (message or "").strip().partition("\n")[0].rstrip(".:")
        log.info("a request from %s cannot be read: %s", request.remote, reason)
        if isinstance(exc, ContentEncodingError | PayloadEncodingError):
            return _error_response(unreadable_body())
        return _error_response(ApiError(status, f"This is not valid HTTP: {reason}.", code="invalid_http"))

    def log_exception(self, *arguments: Any, **options: Any) -> None:
        """Log an unexpected error, but not that a body cannot be decoded, which its client was told."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*arguments, **options)


def _error_response(error: ApiError) -> web.Response:
    response = web.json_response(error.body(), status=error.status, headers=error.headers)
    response.force_close()
    return response


def _refuse(accepted: socket.socket) -> None:
    """Answer a connection with a 503, as far as it takes one, and close it."""
    body = _error_response(
        ApiError(503, "The engine has too many connections. Try again soon.", code="too_many_connections")
    ).body
    assert isinstance(body, bytes)  # noqa: S101  json_response encodes
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with accepted, suppress(OSError):
        accepted.send(head.encode() + body)
