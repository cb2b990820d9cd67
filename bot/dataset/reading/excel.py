"""Excel workbooks, .xlsx: the first sheet of rows below known names, else the first with rows below any."""

import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bot.dataset.reading.content import Content, guarded
from bot.dataset.reading.source import Format, Unread
from bot.dataset.reading.survey import Reading
from bot.dataset.reading.table import HEADER_ROWS, Line, Table, find_header
from bot.errors import HerosmithError, UserError

# how workbooks write control characters, and an underscore before what would read as one
_ESCAPED = re.compile(r"_x(00[01][0-9A-F])_|_x005F_(?=x[0-9A-F]{4}_)", re.IGNORECASE)


def excel_reading(content: Content) -> Reading:
    """Choose the sheet. Raises UserError if the workbook is damaged or empty, or openpyxl is missing."""
    sheets = {name: _measured(rows) for name, rows in _sheets(content)}
    below = [name for name, sheet in sheets.items() if sheet.below_header]
    if not below:
        raise UserError(
            f"{content.name} holds no rows below names of columns (sheets: {', '.join(map(repr, sheets))}): "
            "choose a workbook with rows in it."
        )
    chosen = next((name for name in below if sheets[name].has_known_names), below[0])
    reading = Table(
        content.name, Format.EXCEL, partial(_rows, content, chosen), unit="sheet row", short_rows=True
    ).reading
    filled = [name for name, sheet in sheets.items() if sheet.rows]
    if len(filled) > 1 or chosen != next(iter(sheets)):
        reading.notes.append(f"The sheet {chosen!r} is read.")
    reading.unread += [Unread(f"sheet {name!r}", sheets[name].rows) for name in filled if name != chosen]
    return reading


class _Sheet(NamedTuple):
    rows: int  # that are not blank
    below_header: int
    has_known_names: bool


def _measured(rows: Iterator[Line]) -> _Sheet:
    top = [cells for _, cells in islice(rows, HEADER_ROWS)]
    header = find_header(top)
    count = len(top) + sum(1 for _ in rows)
    if header is None:
        return _Sheet(count, 0, has_known_names=False)
    return _Sheet(count, count - header.at - 1, header.is_certain)


def _rows(content: Content, sheet: str) -> Iterator[Line]:
    for name, rows in _sheets(content):
        if name == sheet:
            yield from rows
            return


def _sheets(content: Content) -> Iterator[tuple[str, Iterator[Line]]]:
    """Yield each sheet's name and its rows that are not blank; read them before the next sheet."""
    try:
        from openpyxl import load_workbook  # noqa: PLC0415  an optional package
    except ImportError:
        raise UserError(
            f"Excel workbooks are read with openpyxl: `{_python()} -m pip install openpyxl`, or save the "
            "sheet as CSV."
        ) from None
    with _damage_named(content), content.open_seekable() as stream, warnings.catch_warnings(action="ignore"):
        book = load_workbook(stream, read_only=True, data_only=True)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write wrong ones
            yield sheet.title, _filled_rows(sheet)


def _python() -> str:
    """Return what to type for the Python that runs: another one's packages are not found."""
    python = Path(sys.executable)  # of .venv, not the one that its link names
    here = Path.cwd()
    return shlex.quote(str(python.relative_to(here) if python.is_relative_to(here) else python))


def _filled_rows(sheet: Any) -> Iterator[Line]:
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_to_text(value) for value in values]
        if any(cells):
            yield number, cells


def _to_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return _unescaped(value) if "_x" in value else value
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return str(int(value))
    return str(value)


def _unescaped(text: str) -> str:
    r"""Return the control characters that _x000D_ and its like stand for, with \n as line end."""
    unescaped = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", text)
    return unescaped.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def _damage_named(content: Content) -> Iterator[None]:
    with guarded(content.name):
        try:
            yield
        except (HerosmithError, MemoryError):
            raise
        except Exception as error:  # openpyxl raises many kinds of errors for damaged files
            raise UserError(
                f"{content.name} cannot be read as an Excel workbook: open it in Excel and save it as CSV."
            ) from error
