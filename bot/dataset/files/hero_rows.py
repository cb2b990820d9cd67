"""Read a file as rows that train: all of them, or none."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.chat import CONTROL_TOKEN
from bot.dataset.files.affixes import SharedAffixes
from bot.dataset.files.hero_row import HeroRowParser, HeroSpelling
from bot.dataset.files.row import Row, format_names
from bot.dataset.reading.columns import quoted
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Source
from bot.dataset.versions.draft import TrainingText
from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.heroes.vocabulary import Vocabulary
from bot.llm.thinking import ThinkingFilter
from bot.store.datasets import Split

_THINKING = re.compile(r"</?think", re.IGNORECASE)
_SHOWN_REFUSALS = 5
_EXAMPLE = re.compile(r",? (?:as in|for example) `[^`]*`(?=\.$)")  # at the end of a refusal

PromptTexts = tuple[str, Split | None, list[TrainingText]]
"""A hero's prompt, the split that the file gives it, if any, and its texts."""


@dataclass(frozen=True, slots=True)
class HeroRows:
    """The rows of a file, and sentences about how they were read. A text may still be blank or repeated."""

    rows: list[Row]
    notes: tuple[str, ...]


def read_hero_rows(path: Path, vocabulary: Vocabulary, blocklist: Blocklist | None = None) -> HeroRows:
    """Read a file or folder. Raises UserError if it cannot be read, or names the first unsound rows.

    blocklist: the powers with which a row is unsound; None allows all.
    """
    return parse_hero_rows(open_source(path), path.name, vocabulary, blocklist)


def parse_hero_rows(
    source: Source, file: str, vocabulary: Vocabulary, blocklist: Blocklist | None = None
) -> HeroRows:
    """Parse every record of a file. Raises UserError with the first rows that are unsound.

    What all texts share as a leading space or an ending is taken off.
    """
    parser = HeroRowParser(
        source.columns,
        file,
        vocabulary,
        notes=reading_notes(source),
        header_place=source.header_place,
        blocklist=blocklist,
    )
    refusals = _Refusals(file)
    spellings = _OtherSpellings()
    affixes = SharedAffixes.of_texts()
    rows: list[Row] = []
    suspects: dict[int, str] = {}  # the locations of rows that may hold a control token
    systems = thoughts = 0
    for record in source.records():
        try:
            hero = parser.parse(record.cells, record.location)
        except UserError as error:
            refusals.add(error)
            continue
        row = parser.row(hero, record.cells)
        answer = without_thinking(row.response_txt)
        if answer is not row.response_txt:
            thoughts += 1
            row = row._replace(response_txt=answer)
        if not hero.is_canonical:
            spellings.add(hero)
        affixes.add(row.response_txt)
        if "<|" in row.response_txt:
            suspects[len(rows)] = record.location
        systems += bool(record.cells.get("system"))
        rows.append(row)
    if remove := affixes.remover():
        rows = [row._replace(response_txt=remove(row.response_txt)) for row in rows]
    for number, location in suspects.items():
        if found := CONTROL_TOKEN.search(rows[number].response_txt):
            refusals.add(UserError(f"{location}: {found[0]} is a control token, which no text may hold."))
    refusals.check()
    notes = (
        *reading_notes(source),
        *unread_note(parser, source, also=["system"]),
        *thinking_note(thoughts),
        *_notes(spellings, affixes, systems),
    )
    return HeroRows(rows, notes)


def training_texts(rows: Sequence[Row], ids: Sequence[int], prompts: Prompts) -> Iterator[PromptTexts]:
    """Yield each hero's prompt, the split that the file gives it, if any, and its texts: sorted, for a draft.

    ids: the ids of the rows, in their order. A file that holds nothing out gives no split.
    """
    holds_out = any(row.split == "valid" for row in rows)
    groups: dict[tuple[tuple[str, ...], Split | None], list[TrainingText]] = defaultdict(list)
    for row, row_id in zip(rows, ids, strict=True):
        split: Split | None = None if not holds_out else "valid" if row.split == "valid" else "train"
        groups[row.hero, split].append(TrainingText(row.response_txt, "import", row_id))
    by_prompt = {
        (prompts.tuning_prompt(Hero.from_strings(hero)), split): texts
        for (hero, split), texts in groups.items()
    }
    for prompt, split in sorted(by_prompt, key=lambda key: (key[0], key[1] or "")):
        yield prompt, split, by_prompt[prompt, split]


def without_thinking(text: str) -> str:
    """Leave out what a model thought aloud before its answer, as data that reasoning models wrote has it."""
    if not _THINKING.search(text):
        return text
    answer, has_thought = ThinkingFilter().whole(text)
    return answer if has_thought else text


def thinking_note(thoughts: int) -> list[str]:
    """Return the sentence about so many texts without their thinking; none for 0."""
    return [f"What a model thought aloud is left out of {_count(thoughts)}."] if thoughts else []


def reading_notes(source: Source) -> list[str]:
    """Return sentences about how a file was read, and what of it was not."""
    return [*source.notes, *(f"Not read: {unread}." for unread in source.unread)]


def unread_note(parser: HeroRowParser, source: Source, also: Sequence[str]) -> list[str]:
    """Return the sentence about the columns that are not read; none without any. also: others that are."""
    unread = [name for name in source.columns if name not in parser.read_columns and name not in also]
    if not unread:
        return []
    columns = "column {} is" if len(unread) == 1 else "columns {} are"
    read = ", ".join(parser.text_columns)
    return [f"The {columns.format(format_names(unread))} not read: a model learns from {read}."]


def _notes(spellings: "_OtherSpellings", affixes: SharedAffixes, systems: int) -> list[str]:
    notes = []
    if spellings.counted:
        notes.append(spellings.describe())
    if shared := affixes.describe():
        notes.append(f"Every text {shared}: that is taken off.")
    if systems:
        notes.append(f"The system turn of {_count(systems)} is left out: /hero asks without one.")
    return notes


class _OtherSpellings:
    """Count the rows whose hero /hero asks for in another way, and remember the first."""

    def __init__(self) -> None:
        self.counted = 0
        self._first = ("", "")

    def add(self, hero: HeroSpelling) -> None:
        if not self.counted:
            self._first = (hero.written, hero.sub_prompt)
        self.counted += 1

    def describe(self) -> str:
        written, asked = map(quoted, self._first)
        return f"The hero of {_count(self.counted)} is written as /hero asks: {written} becomes {asked}."


class _Refusals:
    """Collect the rows that cannot be imported: all are counted, the first are named."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._shown: list[str] = []
        self._has_example = False  # it is said once
        self._number = 0

    def add(self, error: UserError) -> None:
        self._number += 1
        if len(self._shown) < _SHOWN_REFUSALS:
            refusal = str(error)
            if self._has_example:
                refusal = _EXAMPLE.sub("", refusal)
            self._has_example = self._has_example or bool(_EXAMPLE.search(refusal))
            self._shown.append(refusal)

    def check(self) -> None:
        """Raise UserError if there are any."""
        if self._number:
            more = self._number - len(self._shown)
            raise UserError(
                f"{_count(self._number)} of {self._file} cannot train, so nothing of it is imported. "
                + (f"The first {_SHOWN_REFUSALS}, to mend or drop:" if more else "Mend or drop:")
                + "".join(f"\n- {refusal}" for refusal in self._shown)
            )


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
