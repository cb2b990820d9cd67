"""OpenAI's lists: a page of things and whether there are more behind it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from engine.errors import ApiError, not_found


def page(things: Sequence[BaseModel], query: Any, *, default: int = 20, largest: int = 100) -> dict[str, Any]:
    """Cut `things`, in the order they are shown, by the query's `limit` and `after` (an id).

    Raises ApiError for a limit that is no number from 1 to `largest` and for an unknown `after`.
    """
    data = [thing.model_dump() for thing in things]
    limit = query.get("limit", str(default))
    if not limit.isdecimal() or not 1 <= int(limit) <= largest:
        raise ApiError(
            400,
            f"Invalid value for 'limit': it must be a number from 1 to {largest}.",
            code="invalid_value",
            param="limit",
        )
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
