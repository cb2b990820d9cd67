"""Access to a local page: the printed address holds a token, and nobody else can open the page."""

import base64
import hashlib
import hmac
import html
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.i18n.message import Translator
from bot.local_page.localization import SHARED_FOLDER, render_template

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TranslatorOf = Callable[[web.Request], Awaitable[Translator]]

# under another name for this machine, another web site could reach the page
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(?P<port>\d+))?")
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RefusalTexts:
    """What a refused request is told, each marked for translation.

    name: of the page, which is not translated. title: that this is not its address. foreign: to another
    host's or page's request. locked: to one without the token. todo: how to get the right address.
    """

    name: str
    title: str
    foreign: str
    locked: str
    todo: str


class Access:
    """The token of one run. A browser shows it once, in the address, and then in a cookie."""

    def __init__(self, translator: TranslatorOf, texts: RefusalTexts) -> None:
        """Make a new token. translator: in which language a request is refused."""
        self.token = secrets.token_urlsafe(16)
        self._translator = translator
        self._texts = texts

    @web.middleware
    async def require(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 to a foreign host or page, and to a request without the token (middleware)."""
        host = request.headers.get("Host", "")
        known = _HOST.fullmatch(host)
        if known is None or request.headers.get("Origin", f"http://{host}") != f"http://{host}":
            return self._refusal(await self._translator(request), self._texts.foreign)
        # cookies are of a host, not of a port: two pages need two names
        cookie = f"herosmith-{known['port'] or 80}"
        in_address = self._matches(request.query.get("token", ""))
        if not in_address and not self._matches(request.cookies.get(cookie, "")):
            return self._refusal(await self._translator(request), self._texts.locked)
        response = await handler(request)
        if in_address and not response.prepared:
            response.set_cookie(cookie, self.token, httponly=True, samesite="Strict")
        return response

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.encode())

    def _refusal(self, t: Translator, reason: str) -> web.Response:
        """Return the page of a refused request, with a style of its own: it may load nothing from here."""
        texts = {"title": self._texts.title, "reason": reason, "todo": self._texts.todo}
        escaped = {name: html.escape(t(text)) for name, text in texts.items()}
        page = render_template(SHARED_FOLDER / "locked.html", t, name=self._texts.name, **escaped)
        styles = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(page))
        hashes = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in styles)
        headers = {
            "Content-Security-Policy": f"default-src 'none'; style-src {hashes}; frame-ancestors 'none'"
        }
        return web.Response(status=403, text=page, content_type="text/html", headers=headers)
