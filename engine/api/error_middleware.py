"""Every refusal as an answer: OpenAI's error object with its status and headers."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from engine.errors import ApiError, from_validation
from engine.storage import atomic

log = logging.getLogger(__name__)


@web.middleware
async def in_openai_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a handler raises."""
    try:
        return await handler(request)
    except ConnectionError:  # nobody is left to be told
        raise
    except Exception as error:  # noqa: BLE001  the last place where one can be told
        refusal = of(error)
        return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers)


def of(error: Exception) -> ApiError:
    """Put an exception into words for the client; what nobody foresaw is logged and told as a 500."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValidationError):
        return from_validation(error)
    if isinstance(error, web.RequestPayloadError):
        return ApiError(400, "The body cannot be read: it is not encoded as it says.", code="invalid_body")
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    if isinstance(error, OSError) and error.errno in atomic.NO_ROOM:
        return ApiError(507, "The engine's disk is full.", code="disk_full")
    log.error("unforeseen", exc_info=error)
    return ApiError(500, "Something went wrong inside the engine.", code="internal_error")


def _of_http(error: web.HTTPException) -> ApiError:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ApiError(413, "The request is too large.", code="request_too_large")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{error.method} is not possible here; {allowed} is."
        return ApiError(405, message, code="method_not_supported", headers={"Allow": allowed})
    return ApiError(error.status, f"There is nothing here: {error.reason}.", code="invalid_url")
