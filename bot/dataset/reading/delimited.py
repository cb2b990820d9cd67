"""CSV and its relatives, as spreadsheets and programs write them."""

from collections.abc import Callable, Iterator
from functools import partial

from bot.dataset.reading.dialect import DELIMITERS, DamagedRow, Dialect, Guess, open_rows
from bot.dataset.reading.encoding import Text
from bot.dataset.reading.source import Format
from bot.dataset.reading.survey import MAX_FIELD_CHARACTERS, Reading, Unfit
from bot.dataset.reading.table import Line, Table

_QUOTING_NOTES = {
    "": "",
    "blanks": "The blanks between separators and texts are left out.",
    "backslashes": "Backslashes before quotes are left out.",
}


def table_readings(text: Text, guess: Guess) -> list[Callable[[], Reading]]:
    """Return the ways in which a table may be meant, the likeliest first. Each raises Unfit if it is not."""
    return [partial(_reading, text, dialect) for dialect in guess.dialects]


def _reading(text: Text, dialect: Dialect) -> Reading:
    format_ = Format.TSV if dialect.delimiter == "\t" else Format.CSV
    reading = Table(text.name, format_, partial(_rows, text, dialect)).reading
    if dialect.delimiter not in {",", "\t"}:
        separator = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        reading.notes.append(f"Its fields are separated by {separator}.")
    quoting = _QUOTING_NOTES.get(dialect.quoting, f"Its fields are quoted with {dialect.quoting}.")
    reading.notes += [quoting] if quoting else []
    reading.deviations += text.deviations
    return reading


def _rows(text: Text, dialect: Dialect) -> Iterator[Line]:
    try:
        yield from open_rows(text, dialect)
    except DamagedRow as error:
        line, reason = error.args
        if "field limit" in reason:
            raise Unfit(
                f"The row of {text.name} that begins on line {line} holds a field of more than "
                f"{MAX_FIELD_CHARACTERS:,} characters: close the quotes there, or shorten the field."
            ) from error
        raise Unfit(
            f"{text.name} is damaged in the row that begins on line {line} ({reason}): "
            "check the quotes there, or save the file as CSV again."
        ) from error
