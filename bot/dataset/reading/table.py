"""Rows of cells under a header, as CSV files and workbooks have them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.dataset.reading.columns import count_known, read_name, read_names
from bot.dataset.reading.source import Format, Record
from bot.dataset.reading.survey import Reading, Unfit

HEADER_ROWS = 20  # among these the header is looked for

_RULE = re.compile(r"\s*:?-+:?\s*")
_SEPARATORS = re.compile(r"[,;\t|]")

Line = tuple[int, list[str]]  # the line on which a row begins, and its cells


@dataclass(frozen=True, slots=True)
class Header:
    """The row with the names of the columns."""

    at: int  # among all rows, from 0 on
    cells: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether it names columns that are known here."""
        return _is_certain(self.cells)


def find_header(rows: Sequence[Sequence[str]]) -> Header | None:
    """Find the header among the first rows: the first row, or the one below titles, comments and blank rows.

    A row with known names is a header if the rows above it hold no more than one cell each, or are comments.
    """
    for at, cells in enumerate(rows):
        if _is_certain(cells):
            return Header(at, _without_blank_end(cells))
        if not (_is_comment(cells) or sum(bool(cell.strip()) for cell in cells) <= 1):
            break
    first = next(
        (at for at, cells in enumerate(rows) if any(map(str.strip, cells)) and not _is_comment(cells)), None
    )
    return None if first is None else Header(first, _without_blank_end(rows[first]))


def _is_certain(cells: Sequence[str]) -> bool:
    return count_known(cells) >= 2  # one alone may be a title


def _is_comment(cells: Sequence[str]) -> bool:
    return bool(cells) and cells[0].lstrip().startswith("#") and not _is_certain(cells)


def _without_blank_end(cells: Sequence[str]) -> tuple[str, ...]:
    last = max((at for at, cell in enumerate(cells) if cell.strip()), default=-1)
    return tuple(cells[: last + 1])


class Table:
    """Reads rows below a header, and notes what is left out.

    unit: what the position of a row is counted in, for messages. short_rows: whether rows may end before the
    header does, with blank cells left out; such rows may also go on after it, in columns without a name.
    """

    def __init__(
        self,
        name: str,
        format_: Format,
        lines: Callable[[], Iterator[Line]],
        *,
        unit: str = "line",
        short_rows: bool = False,
    ) -> None:
        self._name = name
        self._lines = lines
        self._unit = unit
        self._short_rows = short_rows
        numbered = list(islice(lines(), HEADER_ROWS))
        top = [cells for _, cells in numbered]
        header = find_header(top)
        if header is None:
            raise Unfit(f"{name} holds no rows: begin with a header, such as prompt, completion.")
        self.header = header
        self._header_line = numbered[header.at][0]
        if len(header.cells) == 1 and count_known(_SEPARATORS.split(header.cells[0])) >= 2:
            raise Unfit(
                f"Each line of {name} is in quotes as a whole: take the outer quotes off, and write "
                "one quote in place of two within."
            )
        self._names = read_names(("",) * _has_index(header.cells, top[header.at + 1 :]) + header.cells, name)
        self._used = [(at, column) for at, column in enumerate(self._names) if column]
        self._beyond: set[int] = set()  # columns after the last that has a name
        self._commented = any(_is_comment(cells) for cells in top[: header.at])
        columns = [column for _, column in self._used]
        self.reading = Reading(name, format_, self._rows, columns, is_sound=unit == "line")
        if header.at:
            rows = (
                "The row above the header is"
                if header.at == 1
                else f"The {header.at} rows above the header are"
            )
            self.reading.notes.append(f"{rows} left out.")

    def _rows(self) -> Iterator[Record]:
        width, columns = len(self._names), self.reading.columns
        nameless = {at: _Nameless() for at, column in enumerate(self._names) if not column}
        first, name = self._used[0] if self._used else (0, "")
        mark = name.casefold()  # what a cell must hold to be worth a closer look
        headers = []
        comments = 0
        previous = self._header_line
        blank: list[int] = []  # lines of rows without a text that others follow
        pending: list[int] = []
        self._beyond.clear()
        for number, (line, row) in enumerate(islice(self._lines(), self.header.at + 1, None), 1):
            if self._short_rows:  # a sheet: its blank rows are not among the lines
                pending.extend(range(previous + 1, line))
                previous = line
            cells = row
            if len(row) != width or row[0].startswith("#"):
                if _is_comment(row) and (self._commented or len(row) != width):
                    comments += 1
                    continue
                cells = self._fitted(row, number, line)
            if mark in cells[first].casefold() and self._is_header(cells):
                headers.append(line)
            elif number == 1 and any(cells) and all(map(_RULE.fullmatch, filter(None, cells))):
                continue  # what Markdown draws below a header
            elif any(map(str.strip, cells)):
                for at, column in nameless.items():
                    column.add(cells[at])
                if nameless:
                    cells = [cells[at] for at, _ in self._used]
                blank += pending
                pending.clear()
                location = f"Row {number} of {self._name} ({self._unit} {line})"
                yield Record(number, location, dict(zip(columns, cells, strict=True)), line)
            else:
                pending.append(line)
        self._note(headers, comments, nameless, blank)

    def _fitted(self, cells: list[str], number: int, line: int) -> list[str]:
        """Cut surplus blank cells, or fill in those that are left out. Raises Unfit if cells were lost."""
        width = len(self._names)
        missing = width - len(cells)
        if missing <= 0 and not any(cell.strip() for cell in cells[width:]):
            return cells[:width]
        if missing <= 0 and self._short_rows:
            self._beyond.update(at for at, cell in enumerate(cells[width:], width) if cell.strip())
            return cells[:width]
        if missing > 0 and (self._short_rows or not any(cell.strip() for cell in cells)):
            return cells + [""] * missing
        fields = f"{len(cells)} field{'' if len(cells) == 1 else 's'}"
        raise Unfit(
            f"Row {number} of {self._name} ({self._unit} {line}) has {fields} where the header has {width}: "
            "put texts with separators, quotes or line breaks in quotes, and double the quotes within."
        )

    def _is_header(self, cells: list[str]) -> bool:
        """Return whether the header stands here again, as in files that were joined."""
        return self.header.is_certain and tuple(map(read_name, cells)) == self._names

    def _note(
        self, headers: list[int], comments: int, nameless: dict[int, "_Nameless"], blank: list[int]
    ) -> None:
        notes = self.reading.notes
        if headers:
            notes.append(
                f"The header stands again in {self._unit} {_listed(headers)}, and is left out there."
            )
        if blank:
            rows = "1 row is empty and" if len(blank) == 1 else f"{len(blank):,} rows are empty and"
            notes.append(f"{rows} left out: {self._unit} {_listed(blank)}.")
        if comments:
            notes.append(f"{comments:,} comment{' is' if comments == 1 else 's are'} left out.")
        for at, column in nameless.items():
            if column.is_index:
                notes.append(f"Column {at + 1} has no name and numbers the rows; it is left out.")
            elif not column.is_blank:
                notes.append(f"Column {at + 1} has no name, and is not read.")
        notes += [f"Column {at + 1} has no name, and is not read." for at in sorted(self._beyond)]


def _listed(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")


class _Nameless:
    """A column without a name: blank, as spreadsheets leave them, or the index that pandas writes."""

    def __init__(self) -> None:
        self.is_blank = True
        self._counts = True
        self._next: int | None = None

    @property
    def is_index(self) -> bool:
        return self._counts and not self.is_blank

    def add(self, cell: str) -> None:
        if cell.strip():
            self.is_blank = False
        if self._counts:
            expected = {"0", "1"} if self._next is None else {str(self._next)}
            self._counts = cell in expected
            self._next = int(cell) + 1 if self._counts else None


def _has_index(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether rows begin with their number, for which the header has no place, as R writes tables."""
    index = _Nameless()
    for cells in rows:
        if len(cells) != len(header) + 1:
            return False
        index.add(cells[0])
    return index.is_index and len(rows) > 1
