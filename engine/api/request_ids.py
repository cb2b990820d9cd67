"""Request ids: each request is answered with its id, and logged under it."""

import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from engine.logs import REQUEST_ID_HEADER, request_id_of, under_request_id

log = logging.getLogger(__name__)

_KEY = web.RequestKey("request_id", str)
_QUIET = frozenset({"GET", "HEAD"})  # what is polled


@web.middleware
async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request under its id, and log what became of it: at DEBUG if it only read something."""
    started = time.monotonic()
    request_id = request[_KEY] = request_id_of(request.headers.get(REQUEST_ID_HEADER))
    with under_request_id(request_id):
        outcome = "its client is gone"
        level = logging.INFO
        try:
            response = await handler(request)
            outcome = str(response.status)
            if request.method in _QUIET and response.status < 500:
                level = logging.DEBUG
            return response
        finally:
            resource = request.match_info.route.resource
            log.log(
                level,
                "%s %s: %s after %.2f s",
                request.method if request.method.isalpha() else "another method",
                resource.canonical if resource else "an unknown path",
                outcome,
                time.monotonic() - started,
            )


async def answer_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Add the request's id to its response (a signal handler, so that streams have it too)."""
    if _KEY in request:
        response.headers[REQUEST_ID_HEADER] = request[_KEY]
