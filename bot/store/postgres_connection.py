"""Connections to PostgreSQL that notice a dead server, and fail to connect in a way that SQLAlchemy knows."""

import socket
from typing import Any

import asyncpg

from bot.store.copy_lock import APPLICATION

# A connection is given up about 15 seconds after the server's machine has died or is out of reach: it answers
# neither probes nor what was sent. Otherwise a task would wait for hours.
_UNANSWERED = 15_000  # milliseconds
_OPTIONS = {"TCP_KEEPIDLE": 6, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": _UNANSWERED}


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that ends if the server's machine is gone."""

    def __init__(self, protocol: Any, transport: Any, *arguments: Any) -> None:
        super().__init__(protocol, transport, *arguments)
        connected: socket.socket = transport.get_extra_info("socket")
        if connected.family == socket.AF_UNIX:
            return
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            if option := getattr(socket, name, None):  # not every system has all of them
                connected.setsockopt(socket.IPPROTO_TCP, option, value)


def connect_args(timeout: float) -> dict[str, Any]:
    """Return the arguments for SQLAlchemy's connections. timeout: to connect, in seconds."""

    async def connect(**options: Any) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(timeout=timeout, connection_class=_Connection, **options)
        except (OSError, UnicodeError) as error:  # no error of a database
            # a refused connection, an unknown host, a timeout; a host that cannot be written as a name
            reason = str(error) or f"no answer within {timeout:g} seconds"
            raise asyncpg.ClientCannotConnectError(reason) from error

    return {"async_creator_fn": connect, "server_settings": {"application_name": APPLICATION}}
