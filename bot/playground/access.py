"""Who may open the page: whoever has the address that was printed, which holds a token."""

import base64
import hashlib
import hmac
import html
import re
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.i18n.message import Translator, mark
from bot.playground.localization import render_template

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TranslatorOf = Callable[[web.Request], Awaitable[Translator]]

# under another name for this machine, another web site could reach the page
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(?P<port>\d+))?")
_TITLE = mark("This is not the address of the playground")
_FOREIGN = mark("The playground answers its own page alone, at the address that was printed when it started.")
_LOCKED = mark(
    "The playground opens by the address that was printed when it started, with the token at its end. Each "
    "start has another token."
)
_TODO = mark(
    "Look into the terminal in which the playground runs, and open the whole address that stands there "
    "(http://127.0.0.1:PORT/?token=...)."
)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class Access:
    """The token of one run. A browser shows it once, in the address, and then in a cookie."""

    def __init__(self, translator: TranslatorOf) -> None:
        """Make a new token. translator: in which language a request is refused."""
        self.token = secrets.token_urlsafe(16)
        self._translator = translator

    @web.middleware
    async def require(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 to a foreign host or page, and to a request without the token (middleware)."""
        host = request.headers.get("Host", "")
        known = _HOST.fullmatch(host)
        if known is None or request.headers.get("Origin", f"http://{host}") != f"http://{host}":
            return _refusal(await self._translator(request), _FOREIGN)
        # cookies are of a host, not of a port: two playgrounds need two names
        cookie = f"herosmith-{known['port'] or 80}"
        in_address = self._matches(request.query.get("token", ""))
        if not in_address and not self._matches(request.cookies.get(cookie, "")):
            return _refusal(await self._translator(request), _LOCKED)
        response = await handler(request)
        if in_address and not response.prepared:
            response.set_cookie(cookie, self.token, httponly=True, samesite="Strict")
        return response

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.encode())


def _refusal(t: Translator, reason: str) -> web.Response:
    """Return the page of a refused request, with a style of its own: it may load nothing from here."""
    texts = {"title": _TITLE, "reason": reason, "todo": _TODO}
    page = render_template("locked.html", t, **{name: html.escape(t(text)) for name, text in texts.items()})
    styles = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(page))
    hashes = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in styles)
    headers = {"Content-Security-Policy": f"default-src 'none'; style-src {hashes}; frame-ancestors 'none'"}
    return web.Response(status=403, text=page, content_type="text/html", headers=headers)
