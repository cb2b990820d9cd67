"""Parse the JSON body of a request."""

from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import from_json

from engine.errors import ApiError

_Body = TypeVar("_Body", bound=BaseModel)


def parse(kind: type[_Body], body: bytes, context: object = None) -> _Body:
    """Return what a JSON body says; its validators get `context`. Raises ApiError or ValidationError."""
    try:
        # `model_validate_json` copies what it rejects into its error: 0.1 s for 60,000 messages
        value = from_json(body)
    except ValueError as error:
        raise ApiError(400, f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(value, dict):
        raise ApiError(400, "Invalid body: it must be a JSON object.", code="invalid_value")
    return kind.model_validate(value, context=context)
