"""CSV: the tables of the article that this product follows, and the full table, in pandas' format."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bot.dataset.files.base import read_lines
from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, MAX_FIELD_CHARACTERS, Row, parser_for, values_of
from bot.errors import UserError

_LONE_RETURN = re.compile(r"\r(?!\n)")
_PLACEHOLDER = "\0"  # for lone carriage returns; no line holds this character

WriteRow = Callable[[Row], None]


@contextmanager
def open_full_writer(path: Path) -> Iterator[WriteRow]:
    """Write every field of a row."""
    with _open_table(path, COLUMNS) as write:
        yield lambda row: write(values_of(row))


@contextmanager
def open_article_writer(path: Path) -> Iterator[WriteRow]:
    """Write out_openai_completion.csv: pandas' unnamed index, then the article's seven columns."""
    index = count()
    with _open_table(path, ("", *ARTICLE_COLUMNS)) as write:
        yield lambda row: write((str(next(index)), *values_of(row)[: len(ARTICLE_COLUMNS)]))


@contextmanager
def open_prepared_writer(path: Path) -> Iterator[WriteRow]:
    """Write prepared_data.csv: the tuning prompt without its arrow, and the text."""
    with _open_table(path, ("prompt", "completion")) as write:
        yield lambda row: write((row.sub_prompt, row.response_txt))


def read(path: Path) -> Iterator[Row]:
    """Read any of the three tables; every field stays as it is."""
    records = _read_records(path)
    _, header = next(records, (0, []))
    parse = parser_for(header, path.name)
    for number, (line, cells) in enumerate(records, 1):
        if len(cells) != len(header):
            raise UserError(
                f"Line {line} of {path.name} has {len(cells)} fields where the header has {len(header)}: "
                "put texts with commas, quotes or line breaks in quotes."
            )
        yield parse(dict(zip(header, cells, strict=True)), f"Row {number} of {path.name} (line {line})")


@contextmanager
def _open_table(path: Path, columns: Iterable[str]) -> Iterator[Callable[[Iterable[str]], None]]:
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        # the csv module does not quote a lone carriage return, but readers need the quotes
        quoting_writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(columns)

        def write(cells: Iterable[str]) -> None:
            cells = tuple(cells)
            (quoting_writer if "\r" in "".join(cells) else writer).writerow(cells)

        yield write


def _read_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it begins on; skip blank lines.

    pandas does not quote a lone carriage return, and the csv module refuses it unquoted: a placeholder stands
    for it while parsing. A lone carriage return at the end of a line is taken as part of the line end.
    """
    lines = (_LONE_RETURN.sub(_PLACEHOLDER, line) if "\r" in line else line for line in read_lines(path))
    records = csv.reader(lines, strict=True)
    line = 1
    try:
        for cells in records:
            if cells:
                yield line, [cell.replace(_PLACEHOLDER, "\r") for cell in cells]
            line = records.line_num + 1
    except csv.Error as error:
        raise UserError(_damage_text(error, line, path)) from error


def _damage_text(error: csv.Error, line: int, path: Path) -> str:
    if "field larger" in str(error):
        return (
            f"The row that begins on line {line} of {path.name} holds a field of more than "
            f"{MAX_FIELD_CHARACTERS:,} characters: shorten it, or close the quotes that were left open there."
        )
    return (
        f"{path.name} is damaged in the row that begins on line {line} ({error}): "
        "check the quotes there, or save the file as CSV again."
    )
