"""Rated texts in a table, as datasets for KTO have them: the columns prompt, completion and label."""

import json
from collections import Counter
from dataclasses import dataclass

from bot.dataset.files.hero_rows import reading_notes
from bot.dataset.lint.finding import count_text
from bot.dataset.lint.places import Places
from bot.dataset.lint.rated_table import first_places, unread_note
from bot.dataset.reading.source import Source
from bot.dataset.reading.splits import unknown_splits_note

_COLUMNS = ("prompt", "completion", "label")
_LABELS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_NOTE = (
    "The columns prompt, completion and label are read as rated texts: true is a wanted answer, false an "
    "unwanted one."
)


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A prompt with an answer that is wanted or not; json is the engine's form of it."""

    number: int  # in the file, from 1 on
    place: str  # there, for people
    prompt: str
    json: str
    is_wanted: bool
    held_out: bool


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """The rated texts of a file; notes and changes are sentences on what was found and mended."""

    texts: tuple[LabelledText, ...]
    notes: tuple[str, ...]
    changes: tuple[str, ...]
    number_left_out: int


def holds_labelled_texts(source: Source) -> bool:
    """Return whether a table is of rated texts: each label says true or false, and both are there.

    Labels of other kinds are another program's business, as those of a classification.
    """
    if not set(_COLUMNS) <= set(source.columns):
        return False
    found = {_label(record.cells["label"]) for record in source.records() if record.cells["label"].strip()}
    return found == {True, False}


def read_labelled_texts(source: Source) -> LabelledTexts:
    """Read the rated texts of a table. What no trainer takes is left out, and said."""
    places = Places.in_format(source.format)
    texts, left_out = list[LabelledText](), list[str]()
    splits = Counter[str]()
    for record in source.records():
        label = record.number - 1
        places.add(label, record.line)
        prompt, completion, written = [record.cells[name] for name in _COLUMNS]
        is_wanted = _label(written)
        if is_wanted is None or not (prompt.strip() and completion.strip()):
            left_out.append(places.name(label))
            continue
        split = record.cells.get("split", "")
        splits[split] += 1
        line = _line(record.cells.get("system", ""), prompt, completion, is_wanted=is_wanted)
        text = LabelledText(
            record.number, places.name(label), prompt, line, is_wanted, held_out=split == "valid"
        )
        texts.append(text)
    unread = unread_note(source.columns, _COLUMNS)
    notes = [*reading_notes(source), _NOTE, *unknown_splits_note(splits), *unread]
    changes = []
    if left_out:
        named = first_places(left_out)
        changes.append(
            f"Leave out {count_text(len(left_out), 'text')} without a prompt, an answer or a label: {named}"
        )
    return LabelledTexts(tuple(texts), tuple(notes), tuple(changes), len(left_out))


def _label(written: str) -> bool | None:
    return _LABELS.get(written.strip().lower())


def _line(system: str, prompt: str, completion: str, *, is_wanted: bool) -> str:
    opening = [{"role": "system", "content": system}] if system.strip() else []
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
    return json.dumps({"messages": [*opening, *turns], "label": is_wanted}, ensure_ascii=False)
