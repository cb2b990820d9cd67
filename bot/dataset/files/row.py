"""Row: one text of a dataset as it stands in files, every field a string."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES

MOST_CHARACTERS = (
    100_000  # of one field: more than a hundred descriptions, and less than the csv module's limit
)

_ARROW = " ->"
_COMMA = ", "
_SPLITS = ("train", "valid", "")
_NEEDED = (*FIELD_NAMES, "response_txt")


@dataclass(frozen=True, slots=True)
class Row:
    """A text, whom it describes and where it came from. Strings alone: 007 stays 007, and NA is no number.

    In a file each field of the hero is a column. All but the last two columns are those of the article that
    this product follows, under its names.
    """

    hero: tuple[str, ...]  # the fields of a Hero
    prompt: str
    sub_prompt: str
    response_txt: str
    finish_reason: str
    split: str = ""  # train, valid or, where nobody has decided, nothing
    source: str = ""  # example, description, import or nothing

    @property
    def tuning_prompt(self) -> str:
        """What a tuned model is asked, the same as the product asks: `18, man, invisibility ->`."""
        return self.sub_prompt + _ARROW

    def checked(self, place: str) -> "Row":
        """The row itself. Raises UserError where not every format could carry it."""
        values = values_of(self)
        text = "".join(values)
        if "\0" in text:
            raise UserError(f"{place} holds a NUL byte, which is no text: take it out and try again.")
        if not text.isascii() and not _encodes(text):
            raise UserError(f"{place} holds half a character (a lone surrogate): take it out and try again.")
        if max(map(len, values)) > MOST_CHARACTERS:
            most = f"{MOST_CHARACTERS:,}"
            raise UserError(
                f"{place} holds a field of more than {most} characters: shorten it or drop the row."
            )
        if self.split not in _SPLITS:
            raise UserError(
                f"{place} has the split {quoted(self.split)}: write train or valid, or leave it empty."
            )
        return self


_OTHERS = tuple(field.name for field in fields(Row) if field.name != "hero")
_other_values: Callable[[Row], tuple[str, ...]] = attrgetter(*_OTHERS)

COLUMNS = (*FIELD_NAMES, *_OTHERS)
ARTICLE_COLUMNS = COLUMNS[: COLUMNS.index("split")]


def values_of(row: Row) -> tuple[str, ...]:
    """Return the values of a row, in the order of COLUMNS."""
    return row.hero + _other_values(row)


def sub_prompt_of(hero: tuple[str, ...]) -> str:
    """Return what a tuned model is asked of a hero, without the arrow: `18, man, invisibility`."""
    return _COMMA.join(hero)


Reader = Callable[[Mapping[str, str], str], Row]  # the cells of a row by column, and the row's place


def reader_for(columns: Collection[str], file: str) -> Reader:
    """How rows are made of a table with these columns: those of Row, or prompt and completion.

    Further columns are passed over. Raises UserError that names what is missing and what was found.
    """
    if len(set(columns)) < len(columns):
        twice = sorted({name for name in columns if list(columns).count(name) > 1})
        raise UserError(
            f"{file} has columns of the same name ({_listed(twice)}): rename or drop one of them."
        )
    if {"prompt", "completion"} <= set(columns):
        return _from_pair
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise UserError(
            f"{file} lacks the columns {_listed(missing)} and has {_listed(columns)}. It needs "
            f"{_listed(_NEEDED)}, or prompt and completion; in CSV with commas between them."
        )
    return _from_cells


def from_prompt(prompt: str, text: str, place: str) -> Row:
    """Make a row of a pair to train on: `18, man, invisibility`, with or without the arrow, and the text.

    The text is kept as it is. Raises UserError where the prompt is of another shape.
    """
    sub_prompt = prompt.removesuffix(_ARROW)
    hero = tuple(sub_prompt.split(_COMMA, len(FIELD_NAMES) - 1))
    if len(hero) < len(FIELD_NAMES) or not all(map(str.strip, hero)):
        raise UserError(
            f"{place} has the prompt {quoted(prompt)}: write age, gender and power with a comma and a space "
            'between them, as in "18, man, invisibility".'
        )
    return Row(hero, "", sub_prompt, text, "").checked(place)


def quoted(text: str) -> str:
    """Quote what stands in a file within a sentence: on one line, and never long."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _from_pair(cells: Mapping[str, str], place: str) -> Row:
    known: dict[str, Any] = {
        name: cells[name] for name in ("finish_reason", "split", "source") if name in cells
    }
    return replace(from_prompt(cells["prompt"], cells["completion"], place), **known).checked(place)


def _from_cells(cells: Mapping[str, str], place: str) -> Row:
    hero = tuple(cells[name] for name in FIELD_NAMES)
    known = {name: cells[name] for name in _OTHERS if name in cells}
    known.setdefault("prompt", "")
    known.setdefault("sub_prompt", sub_prompt_of(hero))
    known.setdefault("finish_reason", "")
    return Row(hero, **known).checked(place)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(names: Collection[str]) -> str:
    shown = [name if name.isidentifier() else quoted(name) for name in list(names)[:12]]
    return ", ".join(shown) + (", …" if len(names) > 12 else "")
