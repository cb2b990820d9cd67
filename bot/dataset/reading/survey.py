"""One way to read a file, tried from end to end, becomes a Source."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.dataset.reading.source import Format, Record, Source, Unread
from bot.dataset.reading.splits import TEST, read_split
from bot.errors import UserError


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


def survey(reading: Reading) -> Source:
    """Read all rows once. Raises UserError if one cannot be read or none is left; Unfit as rows() does."""
    splits = Counter[str]()
    for _, location, cells in reading.rows():
        _check_text(cells, location)
        splits[read_split(cells.get("split", ""))] += 1
    tests = splits.pop(TEST, 0)
    if not splits:
        if tests:
            raise UserError(
                f"{reading.name} holds only rows of a test split, which are not read: name another file."
            )
        raise UserError(f"{reading.name} holds no rows: choose a file with rows in it.")
    columns = tuple(reading.columns)
    if not columns:
        raise UserError(
            f"{reading.name} holds objects with nothing in them: write a prompt and a completion in each."
        )
    return Source(
        format=reading.format,
        columns=columns,
        records=lambda: _finished(reading.rows(), columns),
        notes=tuple(dict.fromkeys(reading.notes)),
        unread=(*dict.fromkeys(reading.unread), *((Unread("the split test", tests),) if tests else ())),
        deviations=tuple(dict.fromkeys(reading.deviations)),
    )


def _finished(rows: Iterator[Record], columns: tuple[str, ...]) -> Iterator[Record]:
    """Fill in the cells that a row lacks, name splits alike, and leave out the test split."""
    for record in rows:
        number, location, cells = record
        if len(cells) < len(columns):
            cells = {name: cells.get(name, "") for name in columns}
            record = Record(number, location, cells)  # noqa: PLW2901
        if "split" in cells:
            cells["split"] = read_split(cells["split"])
            if cells["split"] == TEST:
                continue
        yield record


def _check_text(cells: dict[str, str], location: str) -> None:
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
