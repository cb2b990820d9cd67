"""Request bodies: JSON must be declared as JSON, and must arrive in time.

A browser sends a form or plain text to any server without asking it first, but not `application/json`.
"""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.errors import ApiError, unreadable_body

_ENCODINGS = frozenset({"identity", "gzip", "deflate", "br", "zstd"})
"""What aiohttp decodes, the last two if their packages are installed; it passes on all others undecoded."""

_FORM_PATHS = frozenset({"/v1/files"})
"""The routes whose body is multipart/form-data."""


def receive_json(timeout: float) -> Middleware:
    """Return a middleware that reads the body of every route but the uploads, so that handlers need not wait.

    It answers 415 to another content type than a route takes, and 408 if JSON takes more than `timeout`
    seconds.
    """

    @web.middleware
    async def receive(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None or not request.body_exists:
            return await handler(request)
        form = resource.canonical in _FORM_PATHS
        if form != request.content_type.startswith("multipart/") or not (
            form or request.content_type == "application/json"
        ):
            raise _unsupported(request, "multipart/form-data" if form else "application/json")
        if request.headers.get("Content-Encoding", "identity").lower() not in _ENCODINGS:
            raise unreadable_body()
        if not form:
            try:
                async with asyncio.timeout(timeout):
                    await request.read()  # the request keeps what it has read
            except TimeoutError:
                message = f"The body did not arrive within {timeout:.0f} s."
                raise ApiError(
                    408, message, code="request_timeout", headers={"Connection": "close"}
                ) from None
        return await handler(request)

    return receive


def _unsupported(request: web.Request, expected: str) -> ApiError:
    given = request.headers.get("Content-Type", "")[:100].encode("ascii", "backslashreplace").decode()
    message = f"Send the body as '{expected}' and name it in the header 'Content-Type'"
    return ApiError(
        415,
        f"{message}, not '{given}'." if given else f"{message}, which is missing.",
        code="unsupported_content_type",
    )
