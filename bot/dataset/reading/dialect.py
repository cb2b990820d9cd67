"""The dialect of a CSV file: what separates its fields, what quotes them, and what ends its rows."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from bot.dataset.reading.columns import count_known
from bot.dataset.reading.encoding import Text
from bot.dataset.reading.survey import MAX_FIELD_CHARACTERS
from bot.dataset.reading.table import HEADER_ROWS, Line, find_header

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)"}
_MARKS = {"'": "'", "“": "”", "„": "“", "‘": "’", "«": "»"}  # noqa: RUF001

Quoting = Literal["", "blanks", "backslashes", "'", "“", "„", "‘", "«"]  # noqa: RUF001

_SAMPLE_CHARACTERS = 1 << 18
_SAMPLE_ROWS = 200
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_FIRST_ROW = re.compile(r'(?:[^"\r\n]|"[^"]*")*')
_LONE_RETURN = re.compile(r"\r(?!\r*\n)")  # \r\r\n is a line end that was translated twice
_PLACEHOLDER = "\0"  # for lone carriage returns; no text holds this character
_BACKSLASHED = re.compile(r'\\(["\\])')
_QUOTED_AFTER_BLANK = re.compile(r' +".*"\s*', re.DOTALL)

csv.field_size_limit(MAX_FIELD_CHARACTERS)  # a quote that is never closed takes in the rest of the file


class DamagedRow(ValueError):
    """A row that cannot be in a dialect: the line on which it begins, and the csv module's reason."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows of a file are written.

    quoting: "" for quotes that are doubled within quotes; blanks if there are some between a separator and
    what follows; backslashes if they stand before quotes; else the opening mark that stands for a quote.
    """

    delimiter: str
    quoting: Quoting = ""
    begins_at: int = 0  # lines above are no rows
    return_ends: bool = False  # rows end with a carriage return alone

    def rows(self, lines: Iterable[str], *, strict: bool = True) -> Iterator[Line]:
        """Read the rows that are not blank. Raises DamagedRow at one that cannot be in this dialect."""
        reader = csv.reader(
            self._prepared(islice(lines, self.begins_at, None)),
            delimiter=self.delimiter,
            skipinitialspace=self.quoting == "blanks",
            strict=strict,
        )
        line = self.begins_at + 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = self.begins_at + reader.line_num + 1
        except csv.Error as error:
            raise DamagedRow(line, str(error)) from error

    def _prepared(self, lines: Iterable[str]) -> Iterable[str]:
        """Rewrite lines with other quotes for the csv module, which knows one kind."""
        match self.quoting:
            case "" | "blanks":
                return lines
            case "backslashes":
                return (_BACKSLASHED.sub(_doubled, line) for line in lines)
            case opening:
                ends = f"(?={re.escape(self.delimiter)}|\\s*$)"
                begins = f"(^|{re.escape(self.delimiter)}) *"
                field = re.compile(f"{begins}{opening}(.*?){_MARKS[opening]} *{ends}")
                return (field.sub(lambda found: _requoted(found, opening), line) for line in lines)


def _doubled(found: re.Match[str]) -> str:
    return '""' if found[1] == '"' else found[1]


def _requoted(found: re.Match[str], opening: str) -> str:
    text = found[2].replace("''", "'") if opening == "'" else found[2]
    return f'{found[1]}"{text.replace(chr(34), chr(34) * 2)}"'


def open_rows(text: Text, dialect: Dialect) -> Iterator[Line]:
    r"""Read the rows of a file that are not blank. Raises DamagedRow.

    pandas does not quote a lone carriage return, and the csv module refuses it unquoted: a placeholder stands
    for it while parsing, unless rows end so. At the end of a line it is part of the line end.
    """
    if dialect.return_ends:
        with text.open(newline="\r") as stream:
            yield from dialect.rows(_without_marks(stream))
        return
    with text.open(newline="\n") as stream:
        lines = _without_marks(stream)
        if not text.has_returns:
            yield from dialect.rows(lines)
            return
        lines = (_LONE_RETURN.sub(_PLACEHOLDER, line) if "\r" in line else line for line in lines)
        for line, cells in dialect.rows(lines):
            yield line, [cell.replace(_PLACEHOLDER, "\r") for cell in cells]


def _without_marks(lines: Iterable[str]) -> Iterator[str]:
    """Take away the byte order marks that stand within a file that was joined from several."""
    return (line.removeprefix("\ufeff") for line in lines)


@dataclass(frozen=True, slots=True)
class Guess:
    """The dialects that a file may be written in, the likeliest first."""

    dialects: tuple[Dialect, ...]
    is_certain: bool  # the file has a header with known names, so it is a table


def guess_dialects(text: Text) -> Guess:
    """Find the separator, by the header if its names are known, and how fields may be quoted."""
    sample = text.sample(_SAMPLE_CHARACTERS)
    return_ends = _ends_with_return(sample)
    lines = _lines_of(sample, return_ends=return_ends)
    default = "\t" if text.content.suffix in {".tsv", ".tab"} else ","
    base = Dialect(default, return_ends=return_ends)
    told = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if told:
        base = replace(base, delimiter=told[1], begins_at=1)
    else:
        base = replace(base, delimiter=_delimiter(base, lines))
    likely = _likely_quotings(base, lines)
    possible = [quoting for quoting in _possible_quotings(base.delimiter, sample) if quoting not in likely]
    return Guess(
        tuple(replace(base, quoting=quoting) for quoting in (*likely, *possible)),
        is_certain=bool(told) or _known_names(base, lines) > 1,
    )


def _ends_with_return(sample: str) -> bool:
    """Return whether the first row ends with a carriage return alone."""
    end = _FIRST_ROW.match(sample).end()  # type: ignore[union-attr]  # matches nothing, too
    return _LONE_RETURN.match(sample, end) is not None


def _lines_of(sample: str, *, return_ends: bool) -> list[str]:
    if return_ends:
        return [f"{line}\n" for line in sample.split("\r")]
    return [f"{line}\n" for line in _LONE_RETURN.sub(" ", sample).replace("\r\n", "\n").split("\n")]


def _first_rows(dialect: Dialect, lines: Sequence[str], number: int) -> list[list[str]]:
    try:
        return [cells for _, cells in islice(dialect.rows(lines, strict=False), number)]
    except DamagedRow:
        return []


def _known_names(dialect: Dialect, lines: Sequence[str]) -> int:
    header = find_header(_first_rows(dialect, lines, HEADER_ROWS))
    return count_known(header.cells) if header else 0


def _delimiter(base: Dialect, lines: Sequence[str]) -> str:
    """Return the separator with which a header has known names; else the one that every row has as often."""
    default = base.delimiter
    candidates = sorted(DELIMITERS, key=lambda delimiter: delimiter != default)
    known = {delimiter: _known_names(replace(base, delimiter=delimiter), lines) for delimiter in candidates}
    best = max(candidates, key=lambda delimiter: known[delimiter])
    if known[best] > 1:
        return best
    return next((delimiter for delimiter in candidates if _is_regular(base, delimiter, lines)), default)


def _is_regular(base: Dialect, delimiter: str, lines: Sequence[str]) -> bool:
    rows = _first_rows(replace(base, delimiter=delimiter), lines, _SAMPLE_ROWS)
    return len(rows) > 1 and len(rows[0]) > 1 and len({len(cells) for cells in rows[:-1]}) == 1


def _likely_quotings(base: Dialect, lines: Sequence[str]) -> list[Quoting]:
    """Return the quotings of which the header, or a whole column, gives evidence."""
    rows = _first_rows(base, lines, _SAMPLE_ROWS)
    header = find_header(rows[:HEADER_ROWS])
    if header is None:
        return []
    names = header.cells
    marked: list[Quoting] = [
        opening  # type: ignore[misc]  # the keys are Quotings
        for opening, closing in _MARKS.items()
        if all(
            len(name.strip()) > 1 and name.strip()[0] == opening and name.strip()[-1] == closing
            for name in names
        )
    ]
    columns = zip(*rows[header.at + 1 :], strict=False)
    if (len(names) > 1 and all(name.startswith(" ") for name in names[1:])) or any(
        len(column) > 1 and all(_QUOTED_AFTER_BLANK.fullmatch(cell) for cell in column) for column in columns
    ):
        marked.append("blanks")
    return marked


def _possible_quotings(delimiter: str, sample: str) -> Iterator[Quoting]:
    yield ""
    if f"{delimiter} " in sample:
        yield "blanks"
    if '\\"' in sample:
        yield "backslashes"
    for opening in _MARKS:
        if opening in sample:
            yield opening  # type: ignore[misc]
