"""What a client is told when a request cannot be met: OpenAI's error shape and nothing else."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_CODES = {"extra_forbidden": "unknown_parameter", "missing": "missing_required_parameter"}
_TYPES = {401: "authentication_error", 429: "requests", 500: "server_error", 503: "server_error"}

COMBINATIONS = {"invalid_parameter_combination": "invalid_parameter_combination", "only_when_streaming": None}
"""Faults of two fields together: the type of their PydanticCustomError, and the code OpenAI gives them."""


class ApiError(Exception):
    """A refusal with an HTTP status; `param` names the field at fault, `code` is for programs to compare."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Hold what `body` will say and what the answer's headers will; the type follows from the status."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return `{"error": {message, type, param, code}}`."""
        kind = _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def not_found(message: str, *, code: str, param: str | None = None) -> ApiError:
    """Make the 404 of a thing that is not there."""
    return ApiError(404, message, code=code, param=param)


def from_validation(error: ValidationError) -> ApiError:
    """Turn the first fault pydantic found into a 400 that names the field, as `messages[0].role`."""
    fault = error.errors(include_url=False)[0]
    param = field_path(fault["loc"])
    if fault["type"] == "json_invalid":
        return ApiError(400, f"The body is not valid JSON: {fault['ctx']['error']}.", code="invalid_json")
    if fault["type"] in COMBINATIONS:
        return ApiError(400, fault["msg"], code=COMBINATIONS[fault["type"]], param=param)
    if not param:
        return ApiError(400, f"Invalid body: {plain(fault['msg'])}.", code="invalid_value")
    if fault["type"] == "extra_forbidden":
        message = f"Unknown parameter: '{param}'."
    elif fault["type"] == "missing":
        message = f"Missing required parameter: '{param}'."
    else:
        message = f"Invalid value for '{param}': {plain(fault['msg'])}."
    return ApiError(400, message, code=_CODES.get(fault["type"], "invalid_value"), param=param)


def field_path(loc: tuple[int | str, ...]) -> str:
    """Write a pydantic location the way OpenAI does: `messages[0].role`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def plain(message: str) -> str:
    """Take pydantic's prefix and capital off a message, so that it fits into a sentence."""
    message = message.removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]
