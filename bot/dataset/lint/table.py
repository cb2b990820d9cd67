"""The table that the rules work on: all records of a source."""

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bot.dataset.reading.source import Format, Source

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_ROWS = 10_000  # become a compact block of memory before the next are read


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text: every cell is a str, "" if empty or missing. The index is a record's number less one."""

    frame: "pd.DataFrame"
    format: Format
    notes: tuple[str, ...] = ()  # sentences for the user about how the file was read
    deviations: tuple[str, ...] = ()  # sentences on why it must be written anew


def read_table(source: Source) -> Table:
    """Read all records. Raises UserError if one cannot be read."""
    import pandas as pd  # noqa: PLC0415  takes a second, which other commands should not wait for
    import pyarrow as pa  # noqa: PLC0415

    text = pa.large_string()
    chunks, numbers = [], []
    records = source.records()
    while page := list(islice(records, _CHUNK_ROWS)):
        columns = ([record.cells[name] for record in page] for name in source.columns)
        chunks.append(pa.table([pa.array(column, text) for column in columns], source.columns))
        numbers += [record.number for record in page]
    frame = pa.concat_tables(chunks).to_pandas()
    if numbers[-1] != len(numbers):
        frame.index = pd.Index(numbers) - 1
    unread = tuple(f"Not read: {unread}." for unread in source.unread)
    return Table(frame, source.format, (*source.notes, *unread), source.deviations)
