"""Authentication: the API key that a request must carry."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.errors import ApiError

_PUBLIC_PATH = "/healthz"


def require_api_key(api_key: str | None) -> Middleware:
    """Return a middleware that requires `Authorization: Bearer <key>` everywhere except at /healthz.

    If `api_key` is empty, every request is allowed.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        if api_key and request.path != _PUBLIC_PATH and not _matches(authorization, api_key):
            raise ApiError(
                401,
                "Incorrect API key provided; it is expected as 'Authorization: Bearer <key>'.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return authenticate


def _matches(authorization: str, api_key: str) -> bool:
    scheme, _, key = authorization.partition(" ")
    # a header may hold any bytes: aiohttp decodes those that are not UTF-8 as surrogates
    return scheme.lower() == "bearer" and hmac.compare_digest(
        key.encode(errors="surrogateescape"), api_key.encode()
    )
