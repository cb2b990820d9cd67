"""Open a file or folder of examples."""

from collections.abc import Iterator
from pathlib import Path

from bot.dataset.lint.tables import read_table
from bot.dataset.reading.source import Format, Record, Source


def open_source(path: Path) -> Source:
    """Open a file, or a Hugging Face folder, and read it once from end to end.

    What is inside decides on the format, not the name. Raises UserError, with what is wrong, where, and what to
    do, if it cannot be read, holds no record, or has two columns of one name.
    """
    table = read_table(path)
    columns = tuple(str(name).strip().lower() for name in table.frame)

    def records() -> Iterator[Record]:
        for number, cells in enumerate(table.frame.itertuples(index=False), 1):
            yield Record(
                number, f"Row {number} of {path.name}", dict(zip(columns, map(str, cells), strict=True))
            )

    return Source(Format(table.format.value), columns, records, table.notes)
