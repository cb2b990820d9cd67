"""Open a file or folder of examples."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.dataset.reading.columns import KNOWN_COLUMNS
from bot.dataset.reading.content import guarded, is_workbook, open_content
from bot.dataset.reading.delimited import table_readings
from bot.dataset.reading.dialect import guess_dialects
from bot.dataset.reading.encoding import Text, open_text
from bot.dataset.reading.excel import excel_reading
from bot.dataset.reading.folder import folder_reading
from bot.dataset.reading.objects import json_readings
from bot.dataset.reading.parquet import parquet_reading
from bot.dataset.reading.plain_text import text_reading
from bot.dataset.reading.source import Source
from bot.dataset.reading.survey import KEPT_CHARACTERS, Reading, Unfit, survey
from bot.dataset.reading.synonyms import with_known_names
from bot.errors import UserError

Attempt = Callable[[], Reading]

_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
_TABLE_SUFFIXES = {".csv", ".tsv", ".tab", ".psv"}
_BINARY_SUFFIXES = {".xlsx": "Excel workbook", ".parquet": "Parquet file"}
_BEGINNING_CHARACTERS = 4096
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # terminals act on them in place of printing them
_JSON_BEGINS = re.compile(r"""\{\s*["}]|\[\s*[{\["\]]""")
_YAML_BEGINS = re.compile(rf"(?:---\s+)?(?:-\s+)?(?:{'|'.join(sorted(KNOWN_COLUMNS))}):(?:\s|$)")
_NO_DATA = {  # beginnings of texts that were hardly meant
    "//": "JSON with comments, or a program: take the comments out, and name it .json",
    "/*": "JSON with comments, or a program: take the comments out, and name it .json",
    "<!doctype html": "a web page, perhaps in place of a file that was to be downloaded",
    "<html": "a web page, perhaps in place of a file that was to be downloaded",
    "<?xml": "an XML document: save its table as CSV",
    "version https://git-lfs.github.com": "a pointer of Git LFS, not the file itself: run git lfs pull",
}


def open_source(path: Path) -> Source:
    """Open a file, or a Hugging Face folder, and read it once from end to end.

    What is inside decides on the format, not the name. Raises UserError, with what is wrong, where, and what
    to do, if it cannot be read, holds no record, or has two columns of one name.
    """
    _check_name(path)
    with guarded(path.name):
        if path.is_dir():
            return with_known_names(survey(folder_reading(path, partial(_open_file, keep=0))))
        return with_known_names(_open_file(path))


def _check_name(path: Path) -> None:
    """Raise UserError if a path cannot be written as text: then it can be neither printed nor stored."""
    if _CONTROLS.search(str(path)):
        raise UserError(f"The name {str(path)!r} has control characters: rename the file or its folder.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise UserError(f"The name {shown} is not in UTF-8: rename the file or its folder.") from None


def _open_file(path: Path, keep: int = KEPT_CHARACTERS) -> Source:
    """Open a file. keep: as of survey(); shards of a folder are open all at once, and keep nothing."""
    content = open_content(path)
    if content.head().startswith(b"PAR1"):
        return _noted(survey(parquet_reading(content), keep), content.notes)
    if is_workbook(content):
        return _noted(survey(excel_reading(content), keep), content.notes)
    text = open_text(content)
    return _noted(_first_fit(_attempts(text), keep), (*content.notes, *text.notes))


def _noted(source: Source, notes: tuple[str, ...]) -> Source:
    return replace(source, notes=(*notes, *source.notes))


def _first_fit(attempts: Sequence[Attempt], keep: int) -> Source:
    """Return the first way of reading that fits from end to end; else raise what the likeliest one raised."""
    unfit = None
    for attempt in attempts:
        try:
            return survey(attempt(), keep)
        except Unfit as error:
            unfit = unfit or error
    raise unfit or UserError("There is no way to read the file.")


def _attempts(text: Text) -> Sequence[Attempt]:
    """Return the ways in which a text may be meant. The name decides only if what is inside does not."""
    beginning = text.sample(_BEGINNING_CHARACTERS).lstrip()
    if _YAML_BEGINS.match(beginning):
        raise UserError(f"{text.name} is YAML: save its examples as JSON or CSV.")
    for start, kind in _NO_DATA.items():
        if beginning.casefold().startswith(start):
            raise UserError(f"{text.name} is {kind}.")
    if _JSON_BEGINS.match(beginning):
        return json_readings(text)
    guess = guess_dialects(text)
    suffix = text.content.suffix
    if guess.is_certain or suffix in _TABLE_SUFFIXES:
        return table_readings(text, guess)
    if suffix in _JSON_SUFFIXES:
        return json_readings(text)
    if suffix in _BINARY_SUFFIXES:
        raise UserError(
            f"{text.name} is no {_BINARY_SUFFIXES[suffix]}, whatever its name says: save it anew, or as CSV."
        )
    return [partial(text_reading, text)]
