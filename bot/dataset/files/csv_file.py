"""CSV: the tables of the article that this product follows, and the full table, in pandas' format."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, Row, values_of

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
