"""Tables: prompts and completions as people keep them, read as text from every usual kind of file."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from bot.dataset.lint.encoding import encoding_of
from bot.dataset.lint.records import read_records
from bot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 512 * 1024 * 1024  # bytes: read whole, and a few times that in memory

_TOO_MANY_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")
_QUOTE = "Put texts with separators or line breaks into quotation marks, and double the marks within."


class Format(StrEnum):
    """What a file is; the value is its name in a sentence."""

    CSV = "CSV"
    TSV = "TSV"
    TEXT = "plain text"
    JSON = "JSON"
    PAIRS = "prompt-completion JSONL"
    CHAT = "chat JSONL"
    EXCEL = "an Excel workbook"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text: every cell is a str, an empty or missing one ""."""

    frame: "pd.DataFrame"
    format: Format
    remarks: tuple[str, ...] = ()  # sentences about the reading


def read_table(path: Path) -> Table:
    """Read a file by its extension. No word is taken for a number or for nothing: 007, NA and null stay.

    Conversations of two messages are read as prompt and completion. In plain text each line is a completion.
    Raises UserError where the file cannot be read as a table.
    """
    try:
        reader = _reader(path)
        table = reader(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or str(error).strip()}.") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory. Split it.") from None
    if table.frame.empty:
        raise UserError(f"{path} holds no examples. Each needs a prompt and a completion.")
    if not table.frame.columns.is_unique:
        raise UserError(f"{path} has two columns of one name. Rename one.")
    for column in table.frame:
        if table.frame[column].str.contains("\0", regex=False).any():
            raise UserError(f"{path}: column {column!r} holds a NUL character. Take it out of the text.")
    return table


def _reader(path: Path) -> Callable[[Path], Table]:
    """What reads the file, after all that can be refused without opening it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file in it.")
    if not path.exists():
        raise UserError(f"There is no file {path}. Check its name and folder.")
    if not path.is_file():
        raise UserError(f"{path} is no regular file. Save the data in a file first.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise UserError(f"{path} has no extension that is known here. Save it as one of {known}.")
    _refuse_large(path, path.stat().st_size)
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty. Fill it with prompts and completions.")
    return reader


def _refuse_large(path: Path, size: int) -> None:
    if size > LARGEST:
        raise UserError(
            f"{path} has {size / 1e6:,.0f} MB, and at most {LARGEST / 1e6:,.0f} MB are read. Split it."
        )


def _separated(path: Path, *, separator: str, format_: Format) -> Table:
    import pandas as pd  # noqa: PLC0415  a second that nobody else should wait

    try:
        with path.open(encoding=encoding_of(path), newline="") as file:  # line breaks within a text stay
            frame = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise UserError(
            f"{path} holds nothing but blank lines. Begin with a header: prompt, completion."
        ) from None
    except pd.errors.ParserError as error:
        raise UserError(f"{path} is damaged: {_damage(str(error))}. {_QUOTE}") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what is too much for row names
        raise UserError(
            f"{path} is damaged: its rows have more fields than its header. Name every column. {_QUOTE}"
        )
    return Table(frame, format_)


def _damage(message: str) -> str:
    """What pandas found, with its row; it counts rows of the table, not lines of the file."""
    if found := _TOO_MANY_FIELDS.search(message):
        wanted, row, seen = found.groups()
        return f"row {row} (the header is row 1) has {seen} fields in place of {wanted}"
    if found := _OPEN_QUOTE.search(message):
        return f"a quotation mark in row {int(found[1]) + 1} (the header is row 1) is never closed"
    return message.strip()


def _text(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    with path.open(encoding=encoding_of(path)) as file:
        completions = [line.removesuffix("\n") for line in file]
    return Table(pd.DataFrame({"prompt": "", "completion": completions}, dtype=str), Format.TEXT)


def _json(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    records = read_records(path, encoding_of(path))
    frame = pd.DataFrame(records.rows).fillna("").astype(str)
    named_lines = path.suffix.lower() == ".jsonl"
    if records.lines and named_lines:
        return Table(frame, Format.CHAT if records.chat else Format.PAIRS)
    remarks = {
        (True, False): "The file is named JSON, and holds one object a line, as JSONL does.",
        (False, True): "The file is named JSONL, and holds one JSON list.",
    }
    remark = remarks.get((records.lines, named_lines))
    return Table(frame, Format.JSON, (remark,) if remark else ())


def _excel(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    damaged = UserError(f"{path} cannot be read as an Excel workbook. Open it in Excel and save it as CSV.")
    try:
        with ZipFile(path) as parts:  # a small file may unpack to a very large one
            unpacked = sum(part.file_size for part in parts.infolist())
    except BadZipFile:
        raise damaged from None
    _refuse_large(path, unpacked)
    try:
        with warnings.catch_warnings(action="ignore"), pd.ExcelFile(path, engine="openpyxl") as book:
            sheets = book.sheet_names
            frame = pd.read_excel(book, dtype=str, keep_default_na=False)
    except ImportError:
        raise UserError(
            "Excel workbooks are read with openpyxl: `pip install openpyxl`, or save the sheet as CSV."
        ) from None
    except Exception:  # noqa: BLE001  openpyxl raises whatever the damage brings about
        raise damaged from None
    frame.columns = frame.columns.map(str)
    more = f"The workbook has {len(sheets)} sheets; only the first, {sheets[0]!r}, is read."
    return Table(frame.fillna("").astype(str), Format.EXCEL, (more,) if len(sheets) > 1 else ())


def _parquet(path: Path) -> Table:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        with ParquetFile(path) as file:
            groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
            _refuse_large(path, sum(group.total_byte_size for group in groups))
            found = file.read()
        nested = [field.name for field in found.schema if pa.types.is_nested(field.type)]
        if nested:
            raise UserError(
                f"{path}: column {nested[0]!r} holds lists or objects. Every value must be text or number."
            )
        texts = pa.table([column.cast(pa.string()) for column in found.columns], names=found.column_names)
    except pa.ArrowException as error:
        raise UserError(
            f"{path} is damaged ({str(error).strip(' .')}). Write the Parquet file anew."
        ) from None
    return Table(texts.to_pandas().fillna("").astype(str), Format.PARQUET)


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": partial(_separated, separator=",", format_=Format.CSV),
    ".tsv": partial(_separated, separator="\t", format_=Format.TSV),
    ".txt": _text,
    ".json": _json,
    ".jsonl": _json,
    ".xlsx": _excel,
    ".parquet": _parquet,
}
