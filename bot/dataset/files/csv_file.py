"""CSV: the article's own tables and the product's, as pandas writes them."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bot.dataset.files.base import text_lines
from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, MOST_CHARACTERS, Row, reader_for, values_of
from bot.errors import UserError

# A carriage return alone, stood in for by the one character that no line may hold
_RETURN = re.compile(r"\r(?!\n)")
_STAND_IN = "\0"

Put = Callable[[Row], None]


@contextmanager
def all_columns(path: Path) -> Iterator[Put]:
    """Write every field of a row."""
    with _table(path, COLUMNS) as put:
        yield lambda row: put(values_of(row))


@contextmanager
def article(path: Path) -> Iterator[Put]:
    """Write out_openai_completion.csv: pandas' index without a name, then the seven columns."""
    index = count()
    with _table(path, ("", *ARTICLE_COLUMNS)) as put:
        yield lambda row: put((str(next(index)), *values_of(row)[: len(ARTICLE_COLUMNS)]))


@contextmanager
def prepared(path: Path) -> Iterator[Put]:
    """Write prepared_data.csv: what a tuned model is asked, without the arrow, and the text."""
    with _table(path, ("prompt", "completion")) as put:
        yield lambda row: put((row.sub_prompt, row.response_txt))


def read(path: Path) -> Iterator[Row]:
    """Read whichever of the three; every field, and so every text, stays as it is."""
    records = _records(path)
    _, header = next(records, (0, []))
    make = reader_for(header, path.name)
    for number, (line, cells) in enumerate(records, 1):
        if len(cells) != len(header):
            raise UserError(
                f"Line {line} of {path.name} has {len(cells)} fields where the header has {len(header)}: "
                "put texts with commas, quotes or line breaks in quotes."
            )
        yield make(dict(zip(header, cells, strict=True)), f"Row {number} of {path.name} (line {line})")


@contextmanager
def _table(path: Path, columns: Iterable[str]) -> Iterator[Callable[[Iterable[str]], None]]:
    with path.open("x", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        # to csv, a carriage return alone needs no quotes; to all who read the file, it does
        in_quotes = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(columns)

        def put(cells: Iterable[str]) -> None:
            cells = tuple(cells)
            (in_quotes if "\r" in "".join(cells) else plain).writerow(cells)

        yield put


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line it begins on; blank lines are passed over.

    pandas leaves a carriage return alone without quotes, which the csv module takes for a damaged file: it is
    put back afterwards. Only one that ends a line cannot be told from the line's end.
    """
    lines = (_RETURN.sub(_STAND_IN, line) if "\r" in line else line for line in text_lines(path))
    records = csv.reader(lines, strict=True)
    line = 1
    try:
        for cells in records:
            if cells:
                yield line, [cell.replace(_STAND_IN, "\r") for cell in cells]
            line = records.line_num + 1
    except csv.Error as error:
        raise UserError(_damage(error, line, path)) from error


def _damage(error: csv.Error, line: int, path: Path) -> str:
    if "field larger" in str(error):
        return (
            f"The row that begins on line {line} of {path.name} holds a field of more than "
            f"{MOST_CHARACTERS:,} characters: shorten it, or close the quotes that were left open there."
        )
    return (
        f"{path.name} is damaged in the row that begins on line {line} ({error}): "
        "check the quotes there, or save the file as CSV again."
    )
