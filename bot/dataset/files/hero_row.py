"""The gate of import: a record of a file becomes a row whose hero /hero would take, or says why it cannot."""

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from gettext import NullTranslations
from operator import itemgetter
from typing import NamedTuple

from bot.dataset.files.affixes import without_separator
from bot.dataset.files.row import (
    ARROW,
    MAX_FIELD_CHARACTERS,
    SPLITS,
    Row,
    format_names,
    sub_prompt_of,
)
from bot.dataset.reading.columns import quoted
from bot.dataset.reading.synonyms import understood
from bot.errors import NotUnderstood, UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.hero import FIELD_NAMES, Hero
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator

_PAIR_COLUMNS = ("prompt", "completion")
_HERO_COLUMNS = (*FIELD_NAMES, "response_txt")
_PAIRS_NEEDED = "prompt and completion (or question and answer, instruction and output, query and response)"
_HEROES_NEEDED = f"{format_names(_HERO_COLUMNS)} (or description)"
_SAMPLES = "Samples are examples/heroes.csv and examples/questions.csv."
_RENAME_HINT = "The first row of a table names its columns: rename them there, in {place}."
_HEADER_HINT = (
    "The first row of a table names its columns, and this one looks like texts: put a row with prompt and "
    "completion above the texts, as {place}."
)

# a row is the hero alone, so a command for one is written without its name
_IN_A_FILE = Translator("en", NullTranslations(), syntax=lambda command, _: dict(command.options)["hero"])
_BLOCKED = "Its power is on the blocklist, which BLOCKLIST names."
_CACHED_SPELLINGS = 10_000  # less than a kilobyte each
_fields_of: Callable[[Mapping[str, str]], tuple[str, ...]] = itemgetter(*FIELD_NAMES)
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\ufeff]")  # soft hyphen, zero width space, directions, BOM
_AGE_WITH_ZEROS = re.compile(r"(\s*\d+)[.,]0+\s*")  # as tables write ages that they take for fractions
_PROMPT_WITH_ZEROS = re.compile(r"\A(\s*\d+)\.0+(?=[\s,])")


class HeroSpelling(NamedTuple):
    """One way to write a hero."""

    written: str  # what the file has
    hero: tuple[str, ...] = ()  # the hero's fields as text
    sub_prompt: str = ""
    is_canonical: bool = True  # whether /hero asks with these very characters; the arrow may be missing
    reason: str = ""  # why it is no hero


class HeroRowParser:
    """Parse the records of one table: of hero columns, or of prompts and completions.

    A hero is read by the vocabulary's parser, as /hero reads it, once what tables and older formats add is
    taken off: 18.0, HTML's &gt;, invisible characters, separators. All columns that tell the hero must tell
    the same one.
    """

    def __init__(
        self,
        columns: Collection[str],
        file: str,
        vocabulary: Vocabulary,
        *,
        notes: Sequence[str] = (),
        header_place: str | None = None,
        blocklist: Blocklist | None = None,
    ) -> None:
        """Raise UserError, with the missing columns, if the table is of neither form.

        notes: sentences about how the file was read, and what of it was not, to explain what is missing.
        header_place: where the row with their names stands, None if the format has none: Source.header_place.
        blocklist: the powers that are refused; None refuses none.
        """
        self.has_pairs = set(_PAIR_COLUMNS) <= set(columns)
        if not self.has_pairs and not set(_HERO_COLUMNS) <= set(columns):
            hint = _HEADER_HINT if any(map(_is_text, columns)) else _RENAME_HINT
            hints = [hint.format(place=header_place)] if header_place else []
            raise _missing_columns_error(columns, file, [*hints, _SAMPLES, *notes])
        self.text_column = "completion" if self.has_pairs else "response_txt"
        self.text_columns = _PAIR_COLUMNS if self.has_pairs else _HERO_COLUMNS
        self.has_fields = set(FIELD_NAMES) <= set(columns)
        self.read_columns = frozenset(
            (
                *self.text_columns,
                *(FIELD_NAMES if self.has_fields else ()),
                *("prompt", "sub_prompt", "finish_reason", "split", "source"),
            )
        )
        self._has_sub_prompt = "sub_prompt" in columns
        self._vocabulary = vocabulary
        self._blocklist = blocklist
        # the rows of a file repeat their heroes
        self._spelling_of_prompt = lru_cache(_CACHED_SPELLINGS)(self._parse_prompt)
        self._spelling_of_fields = lru_cache(_CACHED_SPELLINGS)(self._parse_fields)

    def parse(self, cells: Mapping[str, str], location: str) -> HeroSpelling:
        """Return the hero of a record; its spelling is one that /hero would not use, if there is any.

        Raise UserError, which begins with the location, if import cannot take the record.
        """
        longest = max(len(cells[self.text_column]), len(cells.get("prompt", "")))
        if longest > MAX_FIELD_CHARACTERS or cells.get("split", "") not in SPLITS:
            self.row(HeroSpelling(""), cells).validated(location)  # it says what is wrong
        first, *others = self._spellings(cells)
        if first.reason:
            raise _refusal(first, location)
        odd = first
        for other in others:
            if other.reason:
                raise _refusal(other, location)
            if other.hero != first.hero:
                raise UserError(f"{location}: {_contradiction(first, other)}")
            odd = other if odd.is_canonical else odd
        return odd

    def row(self, hero: HeroSpelling, cells: Mapping[str, str]) -> Row:
        """Return the row of a record with its hero."""
        return Row(
            hero.hero,
            "" if self.has_pairs else cells.get("prompt", ""),
            hero.sub_prompt,
            cells[self.text_column],
            cells.get("finish_reason", ""),
            cells.get("split", ""),
            cells.get("source", ""),
        )

    def _spellings(self, cells: Mapping[str, str]) -> list[HeroSpelling]:
        """Return the hero as each column tells it; the first is the one that counts."""
        found = [self._spelling_of_prompt(cells["prompt"])] if self.has_pairs else []
        if self.has_fields:
            fields = _fields_of(cells)
            if not self.has_pairs or "".join(fields).strip():
                found.append(self._spelling_of_fields(fields))
        if self._has_sub_prompt and (sub_prompt := cells["sub_prompt"]).strip():
            found.append(self._spelling_of_prompt(sub_prompt))
        return found

    def _parse_prompt(self, prompt: str) -> HeroSpelling:
        text = without_separator(_plain(prompt))
        return self._spelling(prompt, lambda: self._vocabulary.parse(_PROMPT_WITH_ZEROS.sub(r"\1", text)))

    def _parse_fields(self, fields: tuple[str, ...]) -> HeroSpelling:
        age, gender, power = map(_plain, fields)
        if match := _AGE_WITH_ZEROS.fullmatch(age):
            age = match[1]
        power = without_separator(power)
        return self._spelling(sub_prompt_of(fields), lambda: self._vocabulary.hero(age, gender, power))

    def _spelling(self, written: str, parse: Callable[[], Hero]) -> HeroSpelling:
        try:
            found = parse()
        except NotUnderstood as error:
            return HeroSpelling(written, reason=_IN_A_FILE(error.message))
        if self._blocklist and self._blocklist.blocks(found.power):
            return HeroSpelling("", reason=_BLOCKED)  # no message repeats it
        hero = tuple(str(value) for value in found.as_dict().values())
        sub_prompt = sub_prompt_of(hero)
        return HeroSpelling(written, hero, sub_prompt, written in (sub_prompt, sub_prompt + ARROW))


def _missing_columns_error(columns: Collection[str], file: str, hints: Sequence[str]) -> UserError:
    """Return the error of a table of neither form: the columns that it lacks, and what to do."""
    of_heroes = bool(set(FIELD_NAMES) & set(columns))
    wanted = _HERO_COLUMNS if of_heroes else _PAIR_COLUMNS
    needed = (
        f"It needs {_HEROES_NEEDED}, or {_PAIRS_NEEDED}."
        if of_heroes
        else f"It needs {_PAIRS_NEEDED}; a table of heroes may have {_HEROES_NEEDED}."
    )
    has = understood(tuple(columns))
    missing = [name for name in wanted if name not in has] or [name for name in wanted if name not in columns]
    noun = "column" if len(missing) == 1 else "columns"
    lacks = f"{file} lacks the {noun} {format_names(missing)} and has {format_names(columns)}."
    return UserError(" ".join([lacks, needed, *hints]))


def _is_text(name: str) -> bool:
    """Return whether the name of a column is rather a text, of a table without names."""
    return len(name.split()) > 2 or name.rstrip().endswith((".", "?", "!"))


def _refusal(spelling: HeroSpelling, location: str) -> UserError:
    written = f", {quoted(spelling.written)}" if spelling.reason != _BLOCKED else ""
    return UserError(f"{location}{written}: {spelling.reason}")


def _plain(text: str) -> str:
    """Resolve HTML's entities, also if they were escaped twice, and drop characters that nobody sees."""
    while "&" in text and (unescaped := html.unescape(text)) != text:
        text = unescaped
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def _contradiction(first: HeroSpelling, other: HeroSpelling) -> str:
    pairs = zip(FIELD_NAMES, first.hero, other.hero, strict=True)
    parts = format_names([name for name, here, there in pairs if here != there])
    return f"{quoted(first.written)} and {quoted(other.written)} contradict each other ({parts})."
