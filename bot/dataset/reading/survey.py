"""One way to read a file, tried from end to end, becomes a Source."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.dataset.reading.source import Format, Record, Source, Unread
from bot.dataset.reading.splits import TEST, read_split
from bot.errors import UserError

KEPT_CHARACTERS = 64 * 1024 * 1024  # of records, between the survey and the first reader: some 200 MB
MAX_FIELD_CHARACTERS = 1_000_000  # a small Parquet file may repeat a large text in thousands of rows


class Unfit(UserError):
    """The file cannot be read in this way, but perhaps in another."""


@dataclass(slots=True)
class Reading:
    """One way to read a file. The lists are complete once all rows have been read.

    Rows may lack cells, and have their split as the file writes it.
    """

    name: str  # of the file, in messages
    format: Format
    rows: Callable[[], Iterator[Record]]  # may raise UserError
    columns: Sequence[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    is_sound: bool = False  # cells are of a decoded text, so without NUL characters and lone surrogates


def survey(reading: Reading, keep: int = KEPT_CHARACTERS) -> Source:
    """Read all rows once. Raises UserError if one cannot be read or none is left; Unfit as rows() does.

    keep: the first reader gets the rows that were read here, and the file is not parsed again, if they have
    at most so many characters.
    """
    splits = Counter[str]()
    narrowest = sys.maxsize
    kept = _Kept(reading.rows, keep)
    for record in reading.rows():
        cells = record.cells
        if not reading.is_sound:
            _check_text(cells, record.location)
        splits[cells.get("split", "")] += 1
        narrowest = min(narrowest, len(cells))
        kept.add(record)
    columns = tuple(reading.columns)
    tests = sum(count for split, count in splits.items() if read_split(split) == TEST)
    _refuse_empty(reading, rows=splits.total(), tests=tests)
    complete = narrowest == len(columns) and "split" not in columns
    return Source(
        format=reading.format,
        columns=columns,
        records=kept.rows if complete else lambda: _completed(kept.rows(), columns),
        notes=tuple(dict.fromkeys(reading.notes)),
        unread=(*dict.fromkeys(reading.unread), *([Unread("the split test", tests)] if tests else [])),
        deviations=tuple(dict.fromkeys(reading.deviations)),
    )


class _Kept:
    """The rows that were surveyed, as long as they are few."""

    def __init__(self, read: Callable[[], Iterator[Record]], characters: int) -> None:
        self._read = read
        self._left = characters
        self._records: deque[Record] = deque()

    def add(self, record: Record) -> None:
        """Keep a record, or from now on none if there are too many characters."""
        if self._left >= 0:
            self._left -= sum(map(len, record.cells.values()))
            self._records.append(record)
            if self._left < 0:
                self._records.clear()

    def rows(self) -> Iterator[Record]:
        """Return the rows: those that were kept for the first caller, read again for others."""
        records, self._records = self._records, deque()
        return _drained(records) if records else self._read()


def _drained(records: deque[Record]) -> Iterator[Record]:
    """Yield records and forget them, so that they take no memory beside what the reader makes of them."""
    while records:
        yield records.popleft()


def _refuse_empty(reading: Reading, *, rows: int, tests: int) -> None:
    name = reading.name
    if not rows:
        raise UserError(f"{name} holds no rows: choose a file with rows in it.")
    if rows == tests:
        raise UserError(f"{name} holds only rows of a test split, which are not read: name another file.")
    if not reading.columns:
        unread = " ".join(dict.fromkeys(reading.notes))
        raise UserError(
            f"{name} holds no texts under a name: write a prompt and a completion in each. {unread}".rstrip()
        )


def _completed(rows: Iterator[Record], columns: Sequence[str]) -> Iterator[Record]:
    """Fill in the cells that a row lacks, name splits alike, and leave out the test split."""
    blank = dict.fromkeys(columns, "")
    for record in rows:
        complete = record.cells if len(record.cells) == len(blank) else {**blank, **record.cells}
        if "split" in complete:
            complete["split"] = read_split(complete["split"])
            if complete["split"] == TEST:
                continue
        yield record._replace(cells=complete)


def _check_text(cells: dict[str, str], location: str) -> None:
    if max(map(len, cells.values()), default=0) > MAX_FIELD_CHARACTERS:
        raise UserError(
            f"{location} holds a field of more than {MAX_FIELD_CHARACTERS:,} characters: "
            "shorten it or drop the row."
        )
    text = "".join(cells.values())
    if "\0" in text:
        raise UserError(f"{location} holds a NUL byte, which is no text: take it out and try again.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start].encode("unicode_escape").decode()
            raise UserError(
                f"{location} holds half a character (the lone surrogate {half}): take it out and try again."
            ) from None
