"""JSON Lines: a conversation per line, the format of fine-tuning APIs, or the older prompt and completion."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.dataset.files.base import read_lines
from bot.dataset.files.row import Row, from_prompt
from bot.errors import UserError

# `openai tools fine_tunes.prepare_data` appends the first of these that no completion contains
_ENDINGS = ("\n", " END", " [END]", "***", "+++", "&&&", "$$$", "@@@", "%%%")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A prompt and its text. chat: read from a conversation, not from the older format."""

    prompt: str
    text: str
    chat: bool


@contextmanager
def open_chat_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write conversations of the tuning prompt (user) and the text (assistant)."""
    with path.open("x", encoding="utf-8", newline="") as file:

        def write(row: Row) -> None:
            turns = (("user", row.tuning_prompt), ("assistant", row.response_txt))
            messages = [{"role": role, "content": content} for role, content in turns]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")

        yield write


def read(path: Path) -> Iterator[Row]:
    """Read conversations, or pairs of prompt and completion.

    Texts stay as they are, except that the leading space and the ending that the older tool adds to
    completions are removed if every line of the file has them.
    """
    prefix, suffix = _added_affixes(path)
    for location, pair in _read_pairs(path):
        yield from_prompt(pair.prompt, pair.text.removeprefix(prefix).removesuffix(suffix), location)


def _added_affixes(path: Path) -> tuple[str, str]:
    """Return the prefix and ending that the older tool added to every completion; empty for other files."""
    endings = list(_ENDINGS)
    for _, pair in _read_pairs(path):
        if pair.chat or not pair.text.startswith(" "):
            return "", ""
        endings = [ending for ending in endings if pair.text.endswith(ending)]
    return " ", next(iter(endings), "")


def _read_pairs(path: Path) -> Iterator[tuple[str, _Pair]]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            location = f"Line {number} of {path.name}"
            yield location, _parse_pair(line, location)


def _parse_pair(line: str, location: str) -> _Pair:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{location} is not JSON: write one whole object a line.") from error
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
                f'{location} is neither {{"messages": [one user turn, one assistant turn]}} '
                'nor {"prompt": ..., "completion": ...}: write it as one of them.'
            )
