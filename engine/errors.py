"""API errors in the shape of OpenAI's error object."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from pydantic import ValidationError

_CODES = {"extra_forbidden": "unknown_parameter", "missing": "missing_required_parameter"}
_TYPES = {401: "authentication_error", 429: "requests", 500: "server_error", 503: "server_error"}

NO_REPLICA, REPLICA_LOST = "no_replica", "replica_lost"
"""The codes of a 503 of an engine on several machines: none can answer, or the one that did has gone."""

CUSTOM_CODES = {
    "context_length_exceeded": "context_length_exceeded",
    "invalid_parameter_combination": "invalid_parameter_combination",
    "only_when_streaming": None,
}
"""OpenAI's error code for each PydanticCustomError whose message is a sentence of its own."""


class ApiError(Exception):
    """An error response: `param` names the invalid field, `code` is for programs to compare."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive pickling: an exception is otherwise made anew of its message alone."""
        more = partial(type(self), code=self.code, param=self.param, headers=self.headers)
        return more, (self.status, self.message)

    def body(self) -> dict[str, Any]:
        """Return `{"error": {message, type, param, code}}`."""
        error_type = _TYPES.get(self.status, "invalid_request_error")
        return {
            "error": {"message": self.message, "type": error_type, "param": self.param, "code": self.code}
        }


def not_found(message: str, *, code: str, param: str | None = None) -> ApiError:
    """Return a 404."""
    return ApiError(404, message, code=code, param=param)


def unreadable_body() -> ApiError:
    """Return a 400 for a body that is not what its headers say."""
    message = (
        "The body cannot be decoded: it does not match its headers. Send it as it is, or compressed as "
        "'Content-Encoding: gzip' or 'deflate'."
    )
    return ApiError(400, message, code="invalid_body")


def from_validation(error: ValidationError) -> ApiError:
    """Turn pydantic's first error into a 400 that names the field, as in `messages[0].role`."""
    first = error.errors(include_url=False)[0]
    param = field_path(first["loc"])
    if first["type"] == "json_invalid":
        return ApiError(400, f"The body is not valid JSON: {first['ctx']['error']}.", code="invalid_json")
    if first["type"] in CUSTOM_CODES:
        return ApiError(400, first["msg"], code=CUSTOM_CODES[first["type"]], param=param)
    if not param:
        return ApiError(400, f"Invalid body: {as_clause(first['msg'])}.", code="invalid_value")
    if first["type"] == "extra_forbidden":
        message = f"Unknown parameter: '{param}'."
    elif first["type"] == "missing":
        message = f"Missing required parameter: '{param}'."
    else:
        message = f"Invalid value for '{param}': {as_clause(first['msg'])}."
    return ApiError(400, message, code=_CODES.get(first["type"], "invalid_value"), param=param)


@contextmanager
def renamed_params(rename: Callable[[str], str]) -> Iterator[None]:
    """Rename the field of an ApiError or ValidationError: the request was made from one with other fields.

    `rename` gets the field's path, as in `messages[0].content`. Raises ApiError.
    """
    try:
        yield
    except (ApiError, ValidationError) as cause:
        error = from_validation(cause) if isinstance(cause, ValidationError) else cause
        if error.param is None:
            raise error from cause
        param = rename(error.param)
        message = error.message.replace(f"'{error.param}'", f"'{param}'")
        raise ApiError(error.status, message, code=error.code, param=param, headers=error.headers) from cause


def field_path(loc: tuple[int | str, ...]) -> str:
    """Format a pydantic location as OpenAI does: `messages[0].role`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def as_clause(message: str) -> str:
    """Remove the prefix, capital and full stop of a pydantic message, so that it fits into a sentence."""
    message = message.removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]
