"""A row: one text of a dataset as stored in files, with every field a string."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES

MAX_FIELD_CHARACTERS = 100_000  # more than a hundred descriptions, and below the csv module's limit

_ARROW = " ->"
_COMMA = ", "
_SPLITS = ("train", "valid", "")
_REQUIRED_COLUMNS = (*FIELD_NAMES, "response_txt")


@dataclass(frozen=True, slots=True)
class Row:
    """A text, its hero and its origin. Fields are strings, so 007 stays 007 and NA is not a missing value.

    In a file each field of the hero is a column. All columns but the last two are those of the article that
    this product follows, with its names.
    """

    hero: tuple[str, ...]  # the fields of a Hero
    prompt: str
    sub_prompt: str
    response_txt: str
    finish_reason: str
    split: str = ""  # train, valid, or empty if not assigned
    source: str = ""  # example, description, import, or empty if unknown

    @property
    def tuning_prompt(self) -> str:
        """The prompt of a tuned model, in training and serving alike: `18, man, invisibility ->`."""
        return self.sub_prompt + _ARROW

    def validated(self, location: str) -> "Row":
        """Return the row. Raises UserError if some format cannot store it.

        location: the row's position in its file, for the error.
        """
        values = values_of(self)
        text = "".join(values)
        if "\0" in text:
            raise UserError(f"{location} holds a NUL byte, which is no text: take it out and try again.")
        if not text.isascii() and not _encodes(text):
            raise UserError(
                f"{location} holds half a character (a lone surrogate): take it out and try again."
            )
        if max(map(len, values)) > MAX_FIELD_CHARACTERS:
            raise UserError(
                f"{location} holds a field of more than {MAX_FIELD_CHARACTERS:,} characters: "
                "shorten it or drop the row."
            )
        if self.split not in _SPLITS:
            raise UserError(
                f"{location} has the split {quoted(self.split)}: write train or valid, or leave it empty."
            )
        return self


_OTHER_COLUMNS = tuple(field.name for field in fields(Row) if field.name != "hero")
_other_values: Callable[[Row], tuple[str, ...]] = attrgetter(*_OTHER_COLUMNS)

COLUMNS = (*FIELD_NAMES, *_OTHER_COLUMNS)
ARTICLE_COLUMNS = COLUMNS[: COLUMNS.index("split")]


def values_of(row: Row) -> tuple[str, ...]:
    """Return the values of a row, in the order of COLUMNS."""
    return row.hero + _other_values(row)


def sub_prompt_of(hero: tuple[str, ...]) -> str:
    """Return the tuning prompt of a hero without its arrow: `18, man, invisibility`."""
    return _COMMA.join(hero)


RowParser = Callable[[Mapping[str, str], str], Row]  # takes the cells by column, and the row's location


def parser_for(columns: Collection[str], file: str) -> RowParser:
    """Return the parser for a table's columns: those of Row, or prompt and completion.

    Other columns are ignored. Raises UserError, with the missing columns, if the table has neither.
    """
    if len(set(columns)) < len(columns):
        repeated = sorted({name for name in columns if list(columns).count(name) > 1})
        raise UserError(
            f"{file} has columns of the same name ({format_names(repeated)}): rename or drop one of them."
        )
    if {"prompt", "completion"} <= set(columns):
        return _from_pair
    missing = [name for name in _REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise UserError(
            f"{file} lacks the columns {format_names(missing)} and has {format_names(columns)}. It needs "
            f"{format_names(_REQUIRED_COLUMNS)}, or prompt and completion; in CSV with commas between them."
        )
    return _from_cells


def from_prompt(prompt: str, text: str, location: str) -> Row:
    """Return a row of a text and its prompt, such as `18, man, invisibility`, with or without the arrow.

    The text stays as it is. Raises UserError if the prompt has another form.
    """
    sub_prompt = prompt.removesuffix(_ARROW)
    hero = tuple(sub_prompt.split(_COMMA, len(FIELD_NAMES) - 1))
    if len(hero) < len(FIELD_NAMES) or not all(map(str.strip, hero)):
        raise UserError(
            f"{location} has the prompt {quoted(prompt)}: write age, gender and power with a comma and a "
            'space between them, as in "18, man, invisibility".'
        )
    return Row(hero, "", sub_prompt, text, "").validated(location)


def quoted(text: str) -> str:
    """Quote a text of a file for a message: on one line, shortened."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _from_pair(cells: Mapping[str, str], location: str) -> Row:
    known: dict[str, Any] = {
        name: cells[name] for name in ("finish_reason", "split", "source") if name in cells
    }
    return replace(from_prompt(cells["prompt"], cells["completion"], location), **known).validated(location)


def _from_cells(cells: Mapping[str, str], location: str) -> Row:
    hero = tuple(cells[name] for name in FIELD_NAMES)
    known = {name: cells[name] for name in _OTHER_COLUMNS if name in cells}
    known.setdefault("prompt", "")
    known.setdefault("sub_prompt", sub_prompt_of(hero))
    known.setdefault("finish_reason", "")
    return Row(hero, **known).validated(location)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def format_names(names: Collection[str]) -> str:
    shown = [name if name.isidentifier() else quoted(name) for name in list(names)[:12]]
    return ", ".join(shown) + (", …" if len(names) > 12 else "")
