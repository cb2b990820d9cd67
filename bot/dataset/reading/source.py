"""What a person's file holds: a stream of records, and how they were read.

    source = open_source(path)              # bot.dataset.reading.opening; UserError if nothing can be read
    source.format                           # Format.CSV: what is inside, whatever the name says
    source.columns                          # ("prompt", "completion"): every cell of every record
    source.notes                            # ("It is read as cp1252.",): sentences for the person
    source.unread                           # (Unread("sheet 'notes'", 3),): what there is and is not read
    source.deviations                       # ("It begins with a byte order mark.",): why others may refuse it
    source.byte_exact                       # False if there are deviations: write the file anew
    for record in source.records():         # lazy, and may be called again
        record.number, record.location      # 3, "Row 3 of heroes.csv (line 5)": to begin a sentence with
        record.line                         # 5; 0 if the format has no lines
        record.cells["prompt"]              # always text: 007, NA, null stay, numbers as they are written

`open_source` reads the file once from end to end, so that columns, notes, unread and deviations are known and
most errors are raised before the first record. `records()` gives what was read then, once, if it is not
much; else it reads the file again.

Columns: blanks around a name are cut off, and a name of KNOWN_COLUMNS is in lower case however the file
writes it. Two columns of one name are an error, and columns without a name are not read. Every record has a
cell for every column, "" if the file has none there. Lists and objects are no cells.

A table without the column prompt, completion or response_txt has another usual name for it read as that
(reading/synonyms.py): question and answer, instruction and output, description.

Conversations become the columns prompt and completion, and system if there is a system or developer turn.

Splits: a column `split`, or the name of a shard of a Hugging Face folder, becomes the cell `split`: "train",
"valid" or "", or what the file says if it is none that is known. Rows of a test split are not read: unread
tells their number.

No cell holds a NUL character or half a character (a lone surrogate).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Format(StrEnum):
    """The format of what is read; the value is its name in messages."""

    CSV = "CSV"
    TSV = "TSV"
    TEXT = "plain text"
    JSON = "JSON"
    MIXED = "JSONL of chats and of prompt-completion pairs"
    PAIRS = "prompt-completion JSONL"
    CHAT = "chat JSONL"
    EXCEL = "an Excel workbook"
    PARQUET = "Parquet"
    FOLDER = "a folder of data files"


class Record(NamedTuple):
    """One row, or one example."""

    number: (
        int  # its position in what is read, from 1 on; a header does not count, a row that is left out does
    )
    location: str  # "Row 3 of heroes.csv (line 5)", "Example 3 of heroes.jsonl (line 3)"
    cells: dict[str, str]  # by column, in the order of Source.columns
    line: int = 0  # of the file, or row of the sheet, where it begins; 0 if the format has none


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is there and is not read, or that should be there and is missing."""

    name: str  # "sheet 'notes'", "data/test-00000-of-00001.parquet"
    rows: int | None = None  # None: not known, or no rows at all

    def __str__(self) -> str:
        if self.rows is None:
            return self.name
        return f"{self.name} ({self.rows:,} row{'' if self.rows == 1 else 's'})"


_HEADER_PLACES = {Format.CSV: "line 1", Format.TSV: "line 1", Format.EXCEL: "row 1 of the sheet"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder that can be read. The module's docstring describes the fields."""

    format: Format
    columns: tuple[str, ...]
    records: Callable[[], Iterator[Record]]  # may raise UserError
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    deviations: tuple[str, ...] = ()  # sentences

    @property
    def header_place(self) -> str | None:
        """Where the row with the names of the columns stands; None for a format without one."""
        return _HEADER_PLACES.get(self.format)

    @property
    def byte_exact(self) -> bool:
        """Whether other programs read the file as it is; if not, it must be written anew."""
        return not self.deviations
