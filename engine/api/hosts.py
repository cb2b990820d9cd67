"""Hosts and origins: refuse what a web page of somebody else makes a browser send.

Such a page may post to this server, and by DNS rebinding (its own name, suddenly at this machine's address)
also read the answers. A browser tells both by the headers `Host` and `Origin`.
"""

import ipaddress
import re
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.errors import ApiError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(r"(?P<name>\[[^\[\]]+\]|[^\[\]:@/]+)(?::\d{0,5})?")
_SHOWN = 100  # characters of a foreign header in an error


def _normal(name: str) -> str:
    return name.lower().removesuffix(".").removeprefix("[").removesuffix("]")


def _address(name: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_this_machine(address: _Address) -> bool:
    return address.is_loopback or address.is_unspecified


class Hosts:
    """The hosts by which clients may address this server."""

    def __init__(self, bound: str, allowed: Iterable[str] = (), *, has_key: bool = False) -> None:
        """Allow loopback, `bound` (the host to listen on) and the names or addresses in `allowed`.

        A wildcard address such as 0.0.0.0 allows every IP address, which no foreign page can be at. If it
        comes with an API key and no `allowed`, it allows every host: the key keeps foreign pages out.
        """
        self.extra = frozenset(map(_normal, allowed))
        self._names = self.extra | {"localhost", _normal(bound)}
        address = _address(bound)
        self._wildcard = not bound or (address is not None and address.is_unspecified)
        self._open = self._wildcard and has_key and not self.extra

    def allows(self, host: str) -> bool:
        """Return whether a `Host` header, with any port, names this server."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = _normal(found["name"])
        address = _address(name)
        return (
            self._open
            or name in self._names
            or (address is not None and (self._wildcard or _is_this_machine(address)))
        )

    def allows_origin(self, origin: str, host: str | None) -> bool:
        """Return whether a page of this `Origin` may send requests to `host`."""
        netloc = origin.partition("://")[2].lower()
        found = _HOST.fullmatch(netloc)
        return found is not None and (
            (host is not None and netloc == host.lower()) or _normal(found["name"]) in self.extra
        )


LOOPBACK = Hosts("127.0.0.1")
"""The hosts of a server that only this machine can reach."""


def require_known_host(hosts: Hosts) -> Middleware:
    """Return a middleware that answers 403 to a foreign `Host` or `Origin`.

    Programs may leave out either header; browsers send `Host` always, and `Origin` with every POST.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        for host in request.headers.getall("Host", ()):
            if not hosts.allows(host):
                raise _forbidden("host", host, "name")
        for origin in request.headers.getall("Origin", ()):
            if not hosts.allows_origin(origin, request.headers.get("Host")):
                raise _forbidden("origin", origin, "host of that page")
        return await handler(request)

    return check


def _forbidden(what: str, value: str, name: str) -> ApiError:
    shown = value[:_SHOWN].encode("ascii", "backslashreplace").decode()
    return ApiError(
        403,
        f"This engine does not answer requests of the {what} '{shown}'. To allow it, start the engine with "
        f"--allowed-host and the {name}.",
        code=f"{what}_not_allowed",
    )
