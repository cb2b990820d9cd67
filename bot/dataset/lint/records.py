"""Read the objects of a JSON or JSONL file as rows of text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import UserError

Row = dict[str, str]

_EXPECTED = 'Write a list of objects, [{"prompt": ..., "completion": ...}, ...], or one object a line.'
_TURN_KEYS = {"role", "content"}


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a file, and its form."""

    rows: list[Row]
    is_jsonl: bool  # one object per line, not a JSON list
    is_chat: bool  # conversations of two messages; their rows have a prompt and a completion too


def read_records(path: Path, encoding: str) -> Records:
    """Read a JSON list of objects or one object per line. The content decides, not the file name.

    Every value becomes text: numbers as they are written, null as the empty text.
    Raises UserError if the JSON is malformed, or an item is not an object of plain values.
    """
    with path.open(encoding=encoding) as file:
        start = file.read(1)
        while start.isspace():
            start = file.read(1)
    is_jsonl = start != "["
    items = list(_read_jsonl(path, encoding) if is_jsonl else _read_list(path, encoding))
    chat = bool(items) and _is_chat(items[0][1])
    rows = [_to_row(item, location, chat=chat) for location, item in items]
    return Records(rows, is_jsonl=is_jsonl, is_chat=chat)


def _read_jsonl(path: Path, encoding: str) -> Iterator[tuple[str, Any]]:
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield f"{path}, line {number}", _parse(path, line.rstrip(), number)


def _read_list(path: Path, encoding: str) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(_parse(path, path.read_text(encoding), 1), start=1):
        yield f"{path}, object {number}", item


def _parse(path: Path, text: str, line: int) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = f"line {line + error.lineno - 1}, column {error.colno}"
        raise UserError(f"{path}, {at}: this is broken JSON ({error.msg}). {_EXPECTED}") from None
    except RecursionError:
        raise UserError(f"{path}, line {line}: this JSON is nested too deep. {_EXPECTED}") from None


def _parse_constant(word: str) -> str:
    """Return NaN as the empty text, since some programs write missing values so, and infinities as text."""
    return "" if word == "NaN" else word


# Numbers stay as they are written: 1.50 is not 1.5 to a model, and large ones keep every digit.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_parse_constant)


def _is_chat(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("messages"), list)


def _to_row(item: Any, location: str, *, chat: bool) -> Row:
    if not isinstance(item, dict):
        raise UserError(f"{location}: this is no object. {_EXPECTED}")
    if _is_chat(item) != chat:
        raise UserError(
            f"{location}: some objects are conversations and others are not. Write all in one form."
        )
    if chat:
        item = {**item, **_split_turns(item["messages"], location)}
        del item["messages"]
    return {_to_text(key, location): _to_text(value, location) for key, value in item.items()}


def _split_turns(messages: list[Any], location: str) -> dict[str, Any]:
    """Return prompt and completion. Raises UserError if it is not one user turn and one answer."""
    if all(isinstance(turn, dict) and turn.keys() == _TURN_KEYS for turn in messages):
        by_role = {turn["role"]: turn["content"] for turn in messages if isinstance(turn["role"], str)}
        if len(messages) == 2 and list(by_role) == ["user", "assistant"]:
            return {"prompt": by_role["user"], "completion": by_role["assistant"]}
    raise UserError(
        f"{location}: only conversations of two messages can be checked, the user's and then the "
        'assistant\'s, each with "role" and "content" alone.'
    )


def _to_text(value: Any, location: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise UserError(
            f"{location}: a value is a list or an object. Every value must be text, number or null."
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start].encode("unicode_escape").decode()
        raise UserError(
            f"{location}: {half} is half a character, and UTF-8 cannot write it. Mend the text."
        ) from None
    return value
