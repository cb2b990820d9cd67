"""Small files to read, and what comes out."""

import json
from pathlib import Path

from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Source
from bot.errors import UserError

PAIRS = [
    ("18, man, ice ->", "He cools soup."),
    ("19, man, ice ->", "Hush, he says."),
    ("20, man, ice ->", "NA"),
]
ROWS = [{"prompt": prompt, "completion": text} for prompt, text in PAIRS]
LINES = [json.dumps(row) for row in ROWS]
CHATS = [
    json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]})
    for prompt, text in PAIRS
]
CSV = (
    'prompt,completion\n"18, man, ice ->",He cools soup.\n'
    '"19, man, ice ->","Hush, he says."\n"20, man, ice ->",NA\n'
)


def create_file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells_of(source: Source) -> list[dict[str, str]]:
    return [record.cells for record in source.records()]


def read(folder: Path, name: str, content: str | bytes) -> list[dict[str, str]]:
    return cells_of(open_source(create_file(folder, name, content)))


def error_of(path: Path) -> str:
    """Return the message of the error that opening raises; the empty text if it raises none."""
    try:
        open_source(path)
    except UserError as error:
        return str(error)
    return ""
