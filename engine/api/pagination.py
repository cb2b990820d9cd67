"""Pagination: OpenAI's list objects, and the query parameters `limit`, `after` and `order`."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from engine.errors import ApiError, not_found

T = TypeVar("T")

_PARAMETERS = {
    "/v1/models/{id}/tuning": frozenset({"weights"}),
    "/v1/files": frozenset({"limit", "after", "order", "purpose"}),
    "/v1/batches": frozenset({"limit", "after"}),
    "/v1/fine_tuning/jobs": frozenset({"limit", "after"}),
    "/v1/fine_tuning/jobs/{id}/events": frozenset({"limit", "after"}),
    "/v1/fine_tuning/jobs/{id}/checkpoints": frozenset({"limit", "after"}),
}
"""The query parameters of each route."""


@web.middleware
async def reject_unknown_parameters(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reject a query parameter below /v1 that its route does not know."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical.startswith("/v1/"):
        for name in request.query:
            if name not in _PARAMETERS.get(resource.canonical, ()):
                raise ApiError(
                    400, f"Unknown query parameter: '{name}'.", code="unknown_parameter", param=name
                )
    return await handler(request)


def paginate(
    newest_first: Sequence[BaseModel], query: Mapping[str, str], *, default: int = 20, max_limit: int = 100
) -> dict[str, Any]:
    """Return the page that the query's `limit`, `after` (an id) and `order` (asc or desc) describe.

    Raises ApiError for a limit that is no number from 1 to `max_limit`, an unknown `after` or another order.
    """
    data = [item.model_dump() for item in newest_first]
    limit = query.get("limit", str(default))
    # no more digits than the maximum has: int() itself raises for some thousands
    if not limit.isdecimal() or len(limit) > len(str(max_limit)) or not 1 <= int(limit) <= max_limit:
        raise _invalid("limit", f"it must be a number from 1 to {max_limit}")
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise _invalid("order", "it must be asc or desc")
    if order == "asc":
        data.reverse()
    if after := query.get("after"):
        ids = [item["id"] for item in data]
        if after not in ids:
            raise not_found(f"There is no '{after}' in this list.", code="not_found", param="after")
        data = data[ids.index(after) + 1 :]
    page = data[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "has_more": len(data) > len(page),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def chosen(query: Mapping[str, str], name: str, options: Sequence[T]) -> T:
    """Return a query parameter that must be one of these words, by default the first. Raises ApiError."""
    for option in options:
        if option == query.get(name, options[0]):
            return option
    raise _invalid(name, f"it must be {' or '.join(map(str, options))}")


def _invalid(param: str, rule: str) -> ApiError:
    return ApiError(400, f"Invalid value for '{param}': {rule}.", code="invalid_value", param=param)
