"""OpenAI's lists: a page of things, whether there are more behind it, and how clients ask for one."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from engine.errors import ApiError, not_found

_PARAMETERS = {
    "/v1/files": frozenset({"limit", "after", "order", "purpose"}),
    "/v1/fine_tuning/jobs": frozenset({"limit", "after"}),
    "/v1/fine_tuning/jobs/{id}/events": frozenset({"limit", "after"}),
    "/v1/fine_tuning/jobs/{id}/checkpoints": frozenset({"limit", "after"}),
}
"""What may stand behind the question mark, by route."""


@web.middleware
async def known_parameters(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a query parameter below /v1 that its route does not know."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical.startswith("/v1/"):
        for name in request.query:
            if name not in _PARAMETERS.get(resource.canonical, ()):
                raise ApiError(
                    400, f"Unknown query parameter: '{name}'.", code="unknown_parameter", param=name
                )
    return await handler(request)


def page(
    newest_first: Sequence[BaseModel], query: Mapping[str, str], *, default: int = 20, largest: int = 100
) -> dict[str, Any]:
    """Cut a page by the query's `limit`, `after` (an id) and `order` (asc or desc).

    Raises ApiError for a limit that is no number from 1 to `largest`, an unknown `after` and any other order.
    """
    data = [thing.model_dump() for thing in newest_first]
    limit = query.get("limit", str(default))
    # as many digits as the largest has: int() itself raises for some thousands
    if not limit.isdecimal() or len(limit) > len(str(largest)) or not 1 <= int(limit) <= largest:
        raise _invalid("limit", f"it must be a number from 1 to {largest}")
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise _invalid("order", "it must be asc or desc")
    if order == "asc":
        data.reverse()
    if after := query.get("after"):
        ids = [thing["id"] for thing in data]
        if after not in ids:
            raise not_found(f"There is no '{after}' in this list.", code="not_found", param="after")
        data = data[ids.index(after) + 1 :]
    shown = data[: int(limit)]
    return {
        "object": "list",
        "data": shown,
        "has_more": len(data) > len(shown),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _invalid(param: str, rule: str) -> ApiError:
    return ApiError(400, f"Invalid value for '{param}': {rule}.", code="invalid_value", param=param)
