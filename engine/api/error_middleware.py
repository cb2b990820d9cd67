"""Turn every exception of a handler into OpenAI's error object with its status and headers."""

import errno
import logging
from collections import defaultdict

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from engine.errors import ApiError, from_validation, unreadable_body
from engine.storage import atomic

log = logging.getLogger(__name__)

_REQUEST_TIMEOUT = 408
_TOO_MANY_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_SHOWN_CHARACTERS = 200  # of a method or path in a message


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an exception with its error object."""
    try:
        return await handler(request)
    except ConnectionError:  # the client is gone
        raise
    except Exception as exception:  # the outermost place that can still answer
        if request.transport is None and isinstance(exception, RuntimeError):
            # aiohttp's error for a body whose client leaves before its end
            raise ConnectionResetError("the client is gone") from exception
        unknown = isinstance(exception, web.HTTPNotFound) and request.match_info.route.resource is None
        error = _unknown_path(request) if unknown else to_api_error(exception)
        response = web.json_response(error.body(), status=error.status, headers=error.headers)
        if request.content.exception() or error.status == _REQUEST_TIMEOUT:
            response.force_close()  # no further request can be read
        return response


def to_api_error(error: Exception) -> ApiError:
    """Return the error to send for an exception; an unexpected one is logged and becomes a 500."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValidationError):
        return from_validation(error)
    if isinstance(error, web.RequestPayloadError):
        return unreadable_body()
    if isinstance(error, web.HTTPException):
        return _from_http(error)
    if isinstance(error, OSError) and (known := _from_system(error)):
        return known
    log.error("unexpected error", exc_info=error)
    return ApiError(500, "Something went wrong inside the engine.", code="internal_error")


def _from_system(error: OSError) -> ApiError | None:
    if error.errno in atomic.DISK_FULL_ERRNOS:
        return ApiError(507, "The engine's disk is full.", code="disk_full")
    if error.errno in _TOO_MANY_FILES:
        message = "The engine has too many files open. Try again soon."
        return ApiError(503, message, code="too_many_files", headers={"Retry-After": "1"})
    return None


def _from_http(error: web.HTTPException) -> ApiError:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ApiError(413, "The request is too large.", code="request_too_large")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{_shown(error.method)} is not allowed at this path, only {allowed}."
        return ApiError(405, message, code="method_not_supported", headers={"Allow": allowed})
    return ApiError(error.status, f"Invalid URL: {error.reason}.", code="invalid_url")


def _unknown_path(request: web.Request) -> ApiError:
    """Return a 404 that names the method and the path, and lists what there is."""
    methods = defaultdict(list)
    for route in request.app.router.routes():
        if route.resource is not None and route.method != "HEAD":
            methods[route.resource.canonical].append(route.method)
    endpoints = "; ".join(f"{' and '.join(methods[path])} {path}" for path in sorted(methods))
    message = f"There is no {_shown(request.method)} {_shown(request.path)}. There are: {endpoints}."
    return ApiError(404, message, code="invalid_url")


def _shown(text: str) -> str:
    """Return what a client sent, fit for a sentence."""
    return text[:_SHOWN_CHARACTERS].encode("ascii", "backslashreplace").decode()
