"""Who may open the page: whoever has the address that was printed, which holds a token."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# under another name for this machine, another web site could reach the page
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(?P<port>\d+))?")
_FOREIGN = "The playground answers its own page alone, at the address that was printed when it started."
_LOCKED = (
    "The playground opens by the address that was printed when it started, with the token at its end "
    "(http://127.0.0.1:PORT/?token=...). Each start has another token."
)


class Access:
    """The token of one run. A browser shows it once, in the address, and then in a cookie."""

    def __init__(self) -> None:
        """Make a new token."""
        self.token = secrets.token_urlsafe(16)

    @web.middleware
    async def require(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 to a foreign host or page, and to a request without the token (middleware)."""
        host = request.headers.get("Host", "")
        known = _HOST.fullmatch(host)
        if known is None or request.headers.get("Origin", f"http://{host}") != f"http://{host}":
            raise web.HTTPForbidden(text=_FOREIGN)
        # cookies are of a host, not of a port: two playgrounds need two names
        cookie = f"herosmith-{known['port'] or 80}"
        in_address = self._matches(request.query.get("token", ""))
        if not in_address and not self._matches(request.cookies.get(cookie, "")):
            raise web.HTTPForbidden(text=_LOCKED)
        response = await handler(request)
        if in_address and not response.prepared:
            response.set_cookie(cookie, self.token, httponly=True, samesite="Strict")
        return response

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.encode())
