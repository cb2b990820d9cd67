"""Records: the objects of a JSON or JSONL file, as rows of text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import UserError

Row = dict[str, str]

_FORMS = 'Write a list of objects, [{"prompt": ..., "completion": ...}, ...], or one object a line.'
_TURN = {"role", "content"}


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds, and in which form."""

    rows: list[Row]
    lines: bool  # one object a line, not a list of all
    chat: bool  # conversations of two messages; their rows have a prompt and a completion all the same


def read_records(path: Path, encoding: str) -> Records:
    """Read a JSON list of objects or one object a line: the content tells, not the name.

    Every value is text: numbers as they are written, null as the empty text.
    Raises UserError where a line is broken, or something is no object of plain values.
    """
    with path.open(encoding=encoding) as file:
        start = file.read(1)
        while start.isspace():
            start = file.read(1)
    lines = start != "["
    items = list(_by_line(path, encoding) if lines else _by_list(path, encoding))
    chat = bool(items) and _is_chat(items[0][1])
    return Records([_row(item, where, chat=chat) for where, item in items], lines=lines, chat=chat)


def _by_line(path: Path, encoding: str) -> Iterator[tuple[str, Any]]:
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield f"{path}, line {number}", _parsed(path, line.rstrip(), number)


def _by_list(path: Path, encoding: str) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(_parsed(path, path.read_text(encoding), 1), start=1):
        yield f"{path}, object {number}", item


def _parsed(path: Path, text: str, line: int) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = f"line {line + error.lineno - 1}, column {error.colno}"
        raise UserError(f"{path}, {at}: this is broken JSON ({error.msg}). {_FORMS}") from None
    except RecursionError:
        raise UserError(f"{path}, line {line}: this JSON is nested too deep. {_FORMS}") from None


def _constant(word: str) -> str:
    """NaN is how some programs write a missing value; infinities are kept as the words they are."""
    return "" if word == "NaN" else word


# Numbers stay as they are written: 1.50 is not 1.5 to a model, nor is there a largest one.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_constant)


def _is_chat(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("messages"), list)


def _row(item: Any, where: str, *, chat: bool) -> Row:
    if not isinstance(item, dict):
        raise UserError(f"{where}: this is no object. {_FORMS}")
    if _is_chat(item) != chat:
        raise UserError(f"{where}: some objects are conversations and others are not. Write all in one form.")
    if chat:
        item = {**item, **_turns(item["messages"], where)}
        del item["messages"]
    return {_text(key, where): _text(value, where) for key, value in item.items()}


def _turns(messages: list[Any], where: str) -> dict[str, Any]:
    """Prompt and completion of a conversation, where it is one question with its answer."""
    if all(isinstance(turn, dict) and turn.keys() == _TURN for turn in messages):
        by_role = {turn["role"]: turn["content"] for turn in messages if isinstance(turn["role"], str)}
        if len(messages) == 2 and list(by_role) == ["user", "assistant"]:
            return {"prompt": by_role["user"], "completion": by_role["assistant"]}
    raise UserError(
        f"{where}: only conversations of two messages can be checked, the user's and then the assistant's, "
        'each with "role" and "content" alone.'
    )


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise UserError(f"{where}: a value is a list or an object. Every value must be text, number or null.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start].encode("unicode_escape").decode()
        raise UserError(
            f"{where}: {half} is half a character, and UTF-8 cannot write it. Mend the text."
        ) from None
    return value
