"""Read tables of prompts and completions from the usual file formats, every cell as text."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from bot.dataset.lint.encoding import detect_encoding
from bot.dataset.lint.records import read_records
from bot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 512 * 1024 * 1024  # a file is read as a whole and takes a few times its size in memory

_FIELD_COUNT_ERROR = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_OPEN_QUOTE_ERROR = re.compile(r"EOF inside string starting at row (\d+)")
_QUOTE_HINT = "Put texts with separators or line breaks into quotation marks, and double the marks within."


class TableFormat(StrEnum):
    """The format of a file; the value is its name in messages."""

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
    """Rows of text: every cell is a str, "" if empty or missing."""

    frame: "pd.DataFrame"
    format: TableFormat
    notes: tuple[str, ...] = ()  # sentences for the user about how the file was read


def read_table(path: Path) -> Table:
    """Read a file by its extension. No text is converted to a number or a missing value: 007, NA, null stay.

    Conversations of two messages are read as prompt and completion. In plain text each line is a completion.
    Raises UserError if the file cannot be read as a table.
    """
    try:
        read = _reader_for(path)
        table = read(path)
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


def _reader_for(path: Path) -> Callable[[Path], Table]:
    """Return the reader for the extension. Raises UserError if the file can be refused without opening it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file in it.")
    if not path.exists():
        raise UserError(f"There is no file {path}. Check its name and folder.")
    if not path.is_file():
        raise UserError(f"{path} is no regular file. Save the data in a file first.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        extensions = ", ".join(_READERS)
        raise UserError(f"{path} has no extension that is known here. Save it as one of {extensions}.")
    _check_size(path, path.stat().st_size)
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty. Fill it with prompts and completions.")
    return reader


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise UserError(
            f"{path} has {size / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:,.0f} MB are read. Split it."
        )


def _read_separated(path: Path, *, separator: str, format_: TableFormat) -> Table:
    import pandas as pd  # noqa: PLC0415  takes a second, which other commands should not wait for

    try:
        with path.open(
            encoding=detect_encoding(path), newline=""
        ) as file:  # newline="": keep line breaks in cells
            frame = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise UserError(
            f"{path} holds nothing but blank lines. Begin with a header: prompt, completion."
        ) from None
    except pd.errors.ParserError as error:
        raise UserError(f"{path} is damaged: {_describe_damage(str(error))}. {_QUOTE_HINT}") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas makes surplus fields the index
        raise UserError(
            f"{path} is damaged: its rows have more fields than its header. Name every column. {_QUOTE_HINT}"
        )
    return Table(frame, format_)


def _describe_damage(message: str) -> str:
    """Rephrase pandas' message. Its numbers count rows of the table, not lines of the file."""
    if match := _FIELD_COUNT_ERROR.search(message):
        expected, row, seen = match.groups()
        return f"row {row} (the header is row 1) has {seen} fields in place of {expected}"
    if match := _OPEN_QUOTE_ERROR.search(message):
        return f"a quotation mark in row {int(match[1]) + 1} (the header is row 1) is never closed"
    return message.strip()


def _read_text(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    with path.open(encoding=detect_encoding(path)) as file:
        completions = [line.removesuffix("\n") for line in file]
    return Table(pd.DataFrame({"prompt": "", "completion": completions}, dtype=str), TableFormat.TEXT)


def _read_json(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    records = read_records(path, detect_encoding(path))
    frame = pd.DataFrame(records.rows).fillna("").astype(str)
    named_jsonl = path.suffix.lower() == ".jsonl"
    if records.is_jsonl and named_jsonl:
        return Table(frame, TableFormat.CHAT if records.is_chat else TableFormat.PAIRS)
    notes = {
        (True, False): "The file is named JSON, and holds one object a line, as JSONL does.",
        (False, True): "The file is named JSONL, and holds one JSON list.",
    }
    note = notes.get((records.is_jsonl, named_jsonl))
    return Table(frame, TableFormat.JSON, (note,) if note else ())


def _read_excel(path: Path) -> Table:
    import pandas as pd  # noqa: PLC0415

    damaged = UserError(f"{path} cannot be read as an Excel workbook. Open it in Excel and save it as CSV.")
    try:
        with ZipFile(path) as archive:  # a small file may unpack to a very large one
            unpacked_size = sum(member.file_size for member in archive.infolist())
    except BadZipFile:
        raise damaged from None
    _check_size(path, unpacked_size)
    try:
        with warnings.catch_warnings(action="ignore"), pd.ExcelFile(path, engine="openpyxl") as book:
            sheets = book.sheet_names
            frame = pd.read_excel(book, dtype=str, keep_default_na=False)
    except ImportError:
        raise UserError(
            "Excel workbooks are read with openpyxl: `pip install openpyxl`, or save the sheet as CSV."
        ) from None
    except Exception:  # noqa: BLE001  openpyxl raises many kinds of errors for damaged files
        raise damaged from None
    frame.columns = frame.columns.map(str)
    note = f"The workbook has {len(sheets)} sheets; only the first, {sheets[0]!r}, is read."
    return Table(frame.fillna("").astype(str), TableFormat.EXCEL, (note,) if len(sheets) > 1 else ())


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        with ParquetFile(path) as file:
            groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
            _check_size(path, sum(group.total_byte_size for group in groups))
            table = file.read()
        nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
        if nested:
            raise UserError(
                f"{path}: column {nested[0]!r} holds lists or objects. Every value must be text or number."
            )
        texts = pa.table([column.cast(pa.string()) for column in table.columns], names=table.column_names)
    except pa.ArrowException as error:
        raise UserError(
            f"{path} is damaged ({str(error).strip(' .')}). Write the Parquet file anew."
        ) from None
    return Table(texts.to_pandas().fillna("").astype(str), TableFormat.PARQUET)


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": partial(_read_separated, separator=",", format_=TableFormat.CSV),
    ".tsv": partial(_read_separated, separator="\t", format_=TableFormat.TSV),
    ".txt": _read_text,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".xlsx": _read_excel,
    ".parquet": _read_parquet,
}
