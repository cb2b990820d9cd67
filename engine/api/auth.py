"""The key that a request must carry."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.errors import ApiError

_OPEN = "/healthz"


def check(api_key: str | None) -> Middleware:
    """Return the middleware that asks for `Authorization: Bearer <key>` everywhere but at /healthz.

    Without a key it lets everybody in.
    """

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if api_key and request.path != _OPEN and not _fits(request.headers.get("Authorization", ""), api_key):
            raise ApiError(
                401,
                "Incorrect API key provided; it is expected as 'Authorization: Bearer <key>'.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return checked


def _fits(authorization: str, api_key: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    # a header may hold any bytes: aiohttp gives those that are no text as surrogates
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.encode(errors="surrogateescape"), api_key.encode()
    )
