"""A row: one text of a dataset as stored in files, with every field a string."""

from collections.abc import Collection
from typing import NamedTuple

from bot.dataset.reading.columns import quoted
from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES

MAX_FIELD_CHARACTERS = 100_000  # more than a hundred descriptions, and below the csv module's limit

ARROW = " ->"
_COMMA = ", "
SPLITS = ("train", "valid", "")


class Row(NamedTuple):
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
    source: str = ""  # as in bot/store/datasets.py, or empty if unknown

    @property
    def tuning_prompt(self) -> str:
        """The prompt of a tuned model, in training and serving alike: `18, man, invisibility ->`."""
        return self.sub_prompt + ARROW

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
        if self.split not in SPLITS:
            raise UserError(
                f"{location} has the split {quoted(self.split)}: write train or valid, or leave it empty."
            )
        return self


COLUMNS = (*FIELD_NAMES, *Row._fields[1:])
ARTICLE_COLUMNS = COLUMNS[: COLUMNS.index("split")]


def values_of(row: Row) -> tuple[str, ...]:
    """Return the values of a row, in the order of COLUMNS."""
    hero, *others = row
    return (*hero, *others)


def sub_prompt_of(hero: tuple[str, ...]) -> str:
    """Return the tuning prompt of a hero without its arrow: `18, man, invisibility`."""
    return _COMMA.join(hero)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def format_names(names: Collection[str]) -> str:
    shown = [name if name.isidentifier() else quoted(name) for name in list(names)[:12]]
    return ", ".join(shown) + (", …" if len(names) > 12 else "")
