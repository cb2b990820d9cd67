"""Where examples stand in a person's file: row 4 (line 5)."""

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bot.dataset.reading.source import Format

if TYPE_CHECKING:
    import pandas as pd

_MAX_LISTED = 5  # in a message

_OF_TABLES = {Format.CSV, Format.TSV, Format.EXCEL, Format.PARQUET, Format.FOLDER}


@dataclass(frozen=True, slots=True)
class Places:
    """Names examples by their labels in a table of examples: the number in the file, less one."""

    noun: str = "example"
    unit: str = "line"
    _lines: "array[int]" = field(default_factory=lambda: array("q"), compare=False)  # by label, 0: unknown

    @classmethod
    def in_format(cls, format_: Format) -> Self:
        """Return the places in a file of this format, of which no line is known yet."""
        noun = "line" if format_ is Format.TEXT else "row" if format_ in _OF_TABLES else "example"
        return cls(noun, "sheet row" if format_ is Format.EXCEL else "line")

    def add(self, label: int, line: int) -> None:
        """Remember the line on which an example begins. Labels ascend, and may leave some out."""
        self._lines.extend([0] * (label - len(self._lines)))
        self._lines.append(line)

    def name(self, label: int) -> str:
        """Return what to call one example: row 4 (line 5)."""
        line = self._lines[label] if label < len(self._lines) else 0
        where = f" ({self.unit} {line})" if line and self.noun != "line" else ""
        return f"{self.noun} {label + 1}{where}"

    def names(self, index: "pd.Index[int]") -> str:
        """Return what to call some examples: the first of them, and how many more there are."""
        first = ", ".join(map(self.name, index[:_MAX_LISTED]))
        remaining = len(index) - _MAX_LISTED
        return f"{first} and {remaining:,} more" if remaining > 0 else first
