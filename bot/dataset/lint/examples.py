"""The examples of a file: prompts and completions, and what import would say of their heroes."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot.dataset.files.hero_row import HeroRowParser
from bot.dataset.files.hero_rows import reading_notes, thinking_note, unread_note, without_thinking
from bot.dataset.files.row import sub_prompt_of
from bot.dataset.lint.places import Places
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format, Source
from bot.dataset.reading.splits import unknown_splits_note
from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import FIELD_NAMES, Hero

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Heroes:
    """What import says of the examples' heroes."""

    prompts: "pd.Series[str]"  # what /hero asks, "" if import refuses the row; indexed as the examples
    refusals: tuple[str, ...] = ()  # the first reasons

    @property
    def accepted(self) -> int:
        """The number of examples with a hero."""
        return int((self.prompts != "").sum())

    @property
    def are_most(self) -> bool:
        """Whether the examples are meant to be of heroes: more than half of them are."""
        return self.accepted * 2 > len(self.prompts)

    @property
    def refused(self) -> "pd.Index[int]":
        """The examples that import refuses."""
        return self.prompts.index[self.prompts == ""]

    def of(self, frame: "pd.DataFrame") -> "Heroes":
        """Return the same of the examples that are left in a frame."""
        return replace(self, prompts=self.prompts.loc[frame.index])


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a file, all cells as text.

    frame has the columns prompt, completion and, for conversations that have such a turn, system. Its index
    is an example's number in the file, less one.
    """

    frame: "pd.DataFrame"
    format: Format
    heroes: Heroes
    valid: frozenset[int] = frozenset()  # labels of the examples that the file's own split holds out
    notes: tuple[str, ...] = ()  # sentences about how the file was read
    deviations: tuple[str, ...] = ()  # sentences about why trainers may refuse the file as it is
    places: Places = field(default_factory=Places)
    has_hero_columns: bool = False

    @property
    def held_out(self) -> int:
        """The number of examples that the file's own split holds out."""
        return len(self.valid)


def read_examples(
    path: Path, config: HeroesConfig, blocklist: Blocklist | None = None, *, source: Source | None = None
) -> Examples:
    """Read a file. Raises UserError if it cannot be read, or has columns of neither pairs nor heroes.

    blocklist: the powers that import refuses. source: the file, if it is open already.
    """
    import pandas as pd  # noqa: PLC0415  takes a second

    # the strings that were read are kept, in place of copies in Arrow, which rules would turn back one by one
    text_type = pd.StringDtype("python", na_value=math.nan)
    source = source or open_source(path)
    notes = reading_notes(source)
    parser = HeroRowParser(
        source.columns,
        path.name,
        config.vocabulary,
        notes=notes,
        header_place=source.header_place,
        blocklist=blocklist,
    )
    tuning_prompt = cache(lambda hero: config.prompts.tuning_prompt(Hero.from_strings(hero)))
    extra = ["system"] if source.format is Format.CHAT and "system" in source.columns else []
    columns: dict[str, list[str]] = {name: [] for name in ("prompt", "completion", *extra)}
    asked, index = list[str](), list[int]()
    refusals: list[str] = []
    valid = set[int]()
    splits = Counter[str]()
    thoughts = 0
    places = Places.in_format(source.format)
    for record in source.records():
        try:
            prompt = tuning_prompt(parser.parse(record.cells, record.location).hero)
        except UserError as error:
            prompt = ""
            if len(refusals) < _SHOWN_REFUSALS:
                refusals.append(str(error))
        index.append(record.number - 1)
        places.add(record.number - 1, record.line)
        asked.append(prompt)
        split = record.cells.get("split", "")
        splits[split] += 1
        if split == "valid":
            valid.add(record.number - 1)
        columns["prompt"].append(
            record.cells["prompt"] if parser.has_pairs else prompt or _joined(record.cells)
        )
        written = record.cells[parser.text_column]
        answer = without_thinking(written)
        thoughts += answer is not written
        columns["completion"].append(answer)
        for name in extra:
            columns[name].append(record.cells[name])
    return Examples(
        pd.DataFrame(columns, index=index, dtype=text_type),
        source.format,
        Heroes(pd.Series(asked, index=index, dtype=text_type), tuple(refusals)),
        frozenset(valid),
        notes=(
            *notes,
            *unread_note(parser, source, also=extra),
            *unknown_splits_note(splits),
            *thinking_note(thoughts),
        ),
        deviations=(*source.deviations, *(["Its texts hold what a model thought."] if thoughts else [])),
        places=places,
        has_hero_columns=parser.has_fields,
    )


def _joined(cells: Mapping[str, str]) -> str:
    """Return hero columns as a prompt, though they hold no hero that /hero takes."""
    return sub_prompt_of(tuple(cells[name] for name in FIELD_NAMES))
