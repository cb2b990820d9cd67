"""JSON Lines: a conversation a line, as fine-tuning APIs are sent it, or the older prompt and completion."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.dataset.files.base import read_lines
from bot.dataset.files.row import Row, from_prompt
from bot.errors import UserError

# What `openai tools fine_tunes.prepare_data` puts after every completion, unless a text holds it
_ENDINGS = ("\n", " END", " [END]", "***", "+++", "&&&", "$$$", "@@@", "%%%")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A question and its answer; a chat says who speaks, the older shape does not."""

    prompt: str
    text: str
    chat: bool


@contextmanager
def open_chat_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write conversations: the tuning prompt as the user, the text as the answer."""
    with path.open("x", encoding="utf-8", newline="") as file:

        def put(row: Row) -> None:
            turns = (("user", row.tuning_prompt), ("assistant", row.response_txt))
            messages = [{"role": role, "content": content} for role, content in turns]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")

        yield put


def read(path: Path) -> Iterator[Row]:
    """Read conversations, or pairs of prompt and completion.

    A text stays as it is, but for the space before and the mark after it that the older tool puts around
    completions: they are taken off where every line of the file has them.
    """
    before, after = _frame(path)
    for place, pair in _pairs(path):
        yield from_prompt(pair.prompt, pair.text.removeprefix(before).removesuffix(after), place)


def _frame(path: Path) -> tuple[str, str]:
    """What stands around the completions of every line: nothing, unless the older tool made the file."""
    endings = list(_ENDINGS)
    for _, pair in _pairs(path):
        if pair.chat or not pair.text.startswith(" "):
            return "", ""
        endings = [ending for ending in endings if pair.text.endswith(ending)]
    return " ", next(iter(endings), "")


def _pairs(path: Path) -> Iterator[tuple[str, _Pair]]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            place = f"Line {number} of {path.name}"
            yield place, _pair(line, place)


def _pair(line: str, place: str) -> _Pair:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not JSON: write one whole object a line.") from error
    match value:
        case {
            "messages": [
                {"role": "user", "content": str(prompt)},
                {"role": "assistant", "content": str(text)},
            ]
        }:
            return _Pair(prompt, text, chat=True)
        case {"prompt": str(prompt), "completion": str(text)}:
            return _Pair(prompt, text, chat=False)
        case _:
            raise UserError(
                f'{place} is neither {{"messages": [one user turn, one assistant turn]}} '
                'nor {"prompt": ..., "completion": ...}: write it as one of them.'
            )
