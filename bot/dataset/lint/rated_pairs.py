"""Rated pairs in a table, as datasets for preferences have them: the columns prompt, chosen and rejected."""

import json
from collections import Counter
from dataclasses import dataclass

from bot.dataset.files.hero_rows import reading_notes
from bot.dataset.lint.finding import count_text
from bot.dataset.lint.places import Places
from bot.dataset.lint.rated_table import first_places, unread_note
from bot.dataset.reading.source import Source
from bot.dataset.reading.splits import unknown_splits_note

RATED_COLUMNS = ("prompt", "chosen", "rejected")
_NOTE = "The columns prompt, chosen and rejected are read as rated pairs: chosen is the preferred answer."


@dataclass(frozen=True, slots=True)
class RatedPair:
    """A prompt with a better and a worse answer; json is OpenAI's form of it."""

    number: int  # in the file, from 1 on
    place: str  # there, for people
    prompt: str
    json: str
    held_out: bool


@dataclass(frozen=True, slots=True)
class RatedPairs:
    """The pairs of a file; notes and changes are sentences on what was found and mended."""

    pairs: tuple[RatedPair, ...]
    notes: tuple[str, ...]
    changes: tuple[str, ...]
    number_left_out: int


def holds_rated_pairs(source: Source) -> bool:
    """Return whether a table is of rated pairs, and not of prompts with one answer."""
    return set(RATED_COLUMNS) <= set(source.columns) and "completion" not in source.columns


def read_rated_pairs(source: Source) -> RatedPairs:
    """Read the pairs of a table. What no trainer takes is left out, and said."""
    places = Places.in_format(source.format)
    pairs, left_out = list[RatedPair](), list[str]()
    splits = Counter[str]()
    for record in source.records():
        label = record.number - 1
        places.add(label, record.line)
        prompt, chosen, rejected = texts = [record.cells[name] for name in RATED_COLUMNS]
        if chosen == rejected or not all(map(str.strip, texts)):
            left_out.append(places.name(label))
            continue
        split = record.cells.get("split", "")
        splits[split] += 1
        line = _line(record.cells.get("system", ""), prompt, chosen, rejected)
        pairs.append(RatedPair(record.number, places.name(label), prompt, line, split == "valid"))
    unread = unread_note(source.columns, RATED_COLUMNS)
    notes = [*reading_notes(source), _NOTE, *unknown_splits_note(splits), *unread]
    changes = []
    if left_out:
        named = first_places(left_out)
        count = count_text(len(left_out), "pair")
        changes.append(f"Leave out {count} with an empty text or with the same answer twice: {named}")
    return RatedPairs(tuple(pairs), tuple(notes), tuple(changes), len(left_out))


def _line(system: str, prompt: str, chosen: str, rejected: str) -> str:
    opening = [{"role": "system", "content": system}] if system.strip() else []
    pair = {
        "input": {"messages": [*opening, {"role": "user", "content": prompt}]},
        "preferred_output": [{"role": "assistant", "content": chosen}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }
    return json.dumps(pair, ensure_ascii=False)
