"""One JSON object that holds all examples, in one of the ways in which programs write tables so."""

from typing import Any

from bot.dataset.reading.columns import count_known, quoted
from bot.dataset.reading.splits import is_split
from bot.errors import UserError

Found = tuple[list[Any], str]  # the items, and a sentence on where they were


def unwrap(value: dict[str, Any], file: str) -> Found | None:
    """Find the examples in the only object of a file; None if it is an example itself.

    Raises UserError, with the keys, if it is neither.
    """
    inner = value
    while True:
        for find in (_columns, _frame, _splits, _list):
            found = find(inner)
            if found:
                return found
        only = next(iter(inner.values())) if len(inner) == 1 and not count_known(inner) else None
        if not isinstance(only, dict):
            break
        inner = only  # {"result": {"data": [...]}}
    if count_known(value) or not any(isinstance(item, (dict, list)) for item in value.values()):
        return None
    keys = ", ".join(quoted(key) for key in list(value)[:8])
    raise UserError(
        f"{file} holds one object with the keys {keys}, and no list of examples under one of them: "
        'write a list of objects, [{"prompt": ..., "completion": ...}, ...].'
    )


def _columns(value: dict[str, Any]) -> Found | None:
    """{"prompt": ["a", "b"], "completion": [...]}, or with {"0": "a", "1": "b"} in place of each list."""
    if not count_known(value) or not all(_is_column(column) for column in value.values()):
        return None
    if len({tuple(column) if isinstance(column, dict) else len(column) for column in value.values()}) > 1:
        return None
    columns = [column.values() if isinstance(column, dict) else column for column in value.values()]
    rows = [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return rows, "The file holds a list of values for each column."


def _is_column(column: Any) -> bool:
    values = column.values() if isinstance(column, dict) else column if isinstance(column, list) else ()
    return bool(values) and not any(isinstance(value, (dict, list)) for value in values)


def _frame(value: dict[str, Any]) -> Found | None:
    """{"columns": ["prompt", "completion"], "data": [["a", "b"], ...]}, with or without an index."""
    names, rows = value.get("columns"), value.get("data")
    if (
        not isinstance(names, list)
        or not isinstance(rows, list)
        or not all(isinstance(name, str) for name in names)
    ):
        return None
    if not rows or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    return [dict(zip(names, row, strict=True)) for row in rows], "The rows are read from the key 'data'."


def _splits(value: dict[str, Any]) -> Found | None:
    """{"train": [{...}, ...], "validation": [...]}."""
    if not value or not all(is_split(key) and _is_objects(items) for key, items in value.items()):
        return None
    items = [{"split": key, **item} for key, found in value.items() for item in found]
    return (
        items,
        f"The examples are read from the keys {', '.join(map(quoted, value))}, which are their splits.",
    )


def _list(value: dict[str, Any]) -> Found | None:
    """{"data": [{...}, ...]}, also with other keys beside it."""
    lists = [key for key, items in value.items() if _is_objects(items)]
    if len(lists) != 1 or count_known(value):
        return None
    return value[lists[0]], f"The examples are read from the key {quoted(lists[0])}."


def _is_objects(items: Any) -> bool:
    return isinstance(items, list) and bool(items) and all(isinstance(item, dict) for item in items)
