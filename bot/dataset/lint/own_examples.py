"""Any file of examples, heroes or not, as training files for the engine: read, checked, and split."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.dataset.lint.examples import read_examples
from bot.dataset.lint.finding import Severity, count_text
from bot.dataset.lint.labelled_texts import holds_labelled_texts, read_labelled_texts
from bot.dataset.lint.linter import lint
from bot.dataset.lint.prepared_file import format_lines
from bot.dataset.lint.rated_pairs import holds_rated_pairs, read_rated_pairs
from bot.dataset.reading.chat import is_longer_talk
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format, Source
from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.store.job_schema import Method
from bot.tuning.training_files import TrainingFile, training_file

if TYPE_CHECKING:
    import pandas as pd

_LINE_END = re.compile(r"\r\n|\r|\n")  # no other separators: JSON may have those within a text
_SURELY_READ = 800  # bytes of an example: fewer than the tokens that models read, with a template's own
_SHOWN = 5  # examples, in a message
_HELD_OUT = 0.1  # the share of examples that measure a training, if the file holds none out


@dataclass(frozen=True, slots=True)
class Line:
    """An example as a line of JSON; key tells those apart that must not be learnt and measured at once."""

    number: int  # in the file it came from, from 1 on
    place: str  # there, for people: row 4 (line 5)
    json: str
    key: str
    held_out: bool = False
    is_wanted: bool = True  # as its label says


@dataclass(frozen=True, slots=True)
class OwnExamples:
    """The examples of a file; notes are sentences on what was found, changes on what was mended.

    has_prompts: whether any example has one, as those of plain text have not. is_checked: the rules here have
    mended or left out what no trainer takes; otherwise only the engine can tell. left_out: those changes that
    leave examples out; number_read: how many the file has, with these.
    """

    train: tuple[Line, ...]
    valid: tuple[Line, ...]
    method: Method
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    has_prompts: bool = True
    is_checked: bool = False
    left_out: tuple[str, ...] = ()
    number_read: int = 0

    @property
    def files(self) -> list[TrainingFile]:
        """Return a training file for each split that has examples."""
        lines = {"train": self.train, "valid": self.valid}
        return [
            training_file(
                "train" if split == "train" else "valid", "".join(f"{line.json}\n" for line in found).encode()
            )
            for split, found in lines.items()
            if found
        ]

    @property
    def characters(self) -> int:
        """The characters to learn from, with the markup of JSON."""
        return sum(len(line.json) for line in self.train)

    @property
    def uncertain(self) -> list[Line]:
        """The examples that the engine may refuse.

        If they are checked, these are the long ones: the others cannot have too many tokens, for a token has
        a byte or more.
        """
        lines = (*self.train, *self.valid)
        return [line for line in lines if not self.is_checked or len(line.json.encode()) > _SURELY_READ]

    def without(
        self,
        lines: Sequence[Line],
        file: str,
        reason: str,
        *,
        faults: Mapping[Line, str],
        cure: str = "",
    ) -> "OwnExamples":
        """Return the examples without some, which are named with the reason among the changes.

        faults: what is wrong with each line. cure: a sentence on what would keep them. Raises UserError if
        too few are left.
        """
        if not lines:
            return self
        unused = set(lines)
        train, valid = (
            tuple(line for line in split if line not in unused) for split in (self.train, self.valid)
        )
        named = ", ".join(_with_fault(line.place, faults[line]) for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            named += f" and {len(lines) - _SHOWN:,} more"
        change = f"Leave out {count_text(len(lines), 'example')} {reason}: {named}{cure}"
        left_out = (*self.left_out, change)
        _check_number(file, train, valid, self.number_read, left_out)
        return replace(self, train=train, valid=valid, changes=(*self.changes, change), left_out=left_out)


def _with_fault(place: str, fault: str) -> str:
    """Return a place with what is wrong there in brackets, in those that it has already if it has some."""
    return f"{place[:-1]}; {fault})" if place.endswith(")") else f"{place} ({fault})"


def read_own_examples(path: Path, config: HeroesConfig) -> OwnExamples:
    """Read a file of prompts and completions, chats, rated texts or rated pairs.

    What a trainer would refuse is mended or left out, and said. JSON Lines as the engine takes them, with
    longer conversations, with labels or with pairs, are left as they are, for the engine to check. Raises
    UserError if nothing can be learnt from the file.
    """
    if lines := _engine_lines(path):
        return _split(path.name, lines, _method_of(json.loads(lines[0].json)))
    source = open_source(path)
    if holds_rated_pairs(source):
        return _rated(path.name, source)
    if holds_labelled_texts(source):
        return _labelled(path.name, source)
    examples = read_examples(path, config, source=source)
    report = lint(replace(examples, valid=frozenset()), target=Format.CHAT)  # its split is kept here
    wanted = [each for each in report.with_severity(Severity.OPTIONAL) if not each.style]
    frame = report.apply_fixes(wanted, may_be_empty=True)  # what is left out is named, if too few are left
    labels = [int(label) for label in frame.index]
    lines = [
        Line(
            label + 1,
            examples.places.name(label),
            text.rstrip("\n"),
            str(prompt),
            held_out=label in examples.valid,
        )
        for label, prompt, text in zip(labels, frame["prompt"], format_lines(frame, Format.CHAT), strict=True)
    ]
    shown = [each for each in report.findings if each.severity is Severity.INFORMATION or each.style]
    changed = [*report.with_severity(Severity.NECESSARY), *wanted]
    left_out = tuple(f"{each.change}: {each.places}" for each in changed if each.places)
    changes = tuple(f"{each.change}: {each.places}" if each.places else each.change for each in changed)
    notes = tuple(each.message for each in shown)
    number = len(examples.frame)
    found = _split(path.name, lines, "supervised", notes, changes, left_out=left_out, number_read=number)
    return replace(found, has_prompts=_has_prompts(frame), is_checked=True)


def _rated(file: str, source: Source) -> OwnExamples:
    found = read_rated_pairs(source)
    lines = [
        Line(pair.number, pair.place, pair.json, pair.prompt, held_out=pair.held_out) for pair in found.pairs
    ]
    number = len(lines) + found.number_left_out
    return _split(file, lines, "dpo", found.notes, found.changes, left_out=found.changes, number_read=number)


def _labelled(file: str, source: Source) -> OwnExamples:
    found = read_labelled_texts(source)
    lines = [
        Line(text.number, text.place, text.json, text.prompt, text.held_out, is_wanted=text.is_wanted)
        for text in found.texts
    ]
    number = len(lines) + found.number_left_out
    return _split(file, lines, "kto", found.notes, found.changes, left_out=found.changes, number_read=number)


def holds_prompts(path: Path, config: HeroesConfig) -> bool:
    """Return whether read_own_examples() can read a file, with prompts in it, however few they are."""
    try:
        if _engine_lines(path):
            return True
        source = open_source(path)
        is_rated = holds_rated_pairs(source) or holds_labelled_texts(source)
        return is_rated or _has_prompts(read_examples(path, config, source=source).frame)
    except UserError:
        return False


def only_tune_reads(path: Path) -> bool:
    """Return whether a file is of rated texts, of pairs or of longer conversations, which nobody checks.

    Raises UserError if it cannot be read.
    """
    if _engine_lines(path):
        return True
    source = open_source(path)
    return holds_rated_pairs(source) or holds_labelled_texts(source)


def holds_labelled_chats(path: Path) -> bool:
    """Return whether a JSONL file is of chats with labels, as its first line tells."""
    if path.suffix.lower() != ".jsonl" or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig") as lines:
            value = json.loads(next((line for line in lines if line.strip()), ""))
    except (OSError, ValueError, RecursionError):
        return False  # the reading room says what is wrong
    return isinstance(value, dict) and _method_of(value) == "kto"


def _has_prompts(frame: "pd.DataFrame") -> bool:
    return bool((frame["prompt"].str.strip() != "").any())


def _engine_lines(path: Path) -> list[Line]:
    """Return the lines of a file that only the engine reads: rated ones, and longer conversations.

    Raises UserError, with the line, if one of such a file is broken.
    """
    if path.suffix.lower() != ".jsonl" or not path.is_file():
        return []
    try:
        rows = _LINE_END.split(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return []  # the reading room says what is wrong
    found = [Line(number, f"line {number}", row, row) for number, row in enumerate(rows, 1) if row.strip()]
    is_for_engine, broken = False, None
    for index, line in enumerate(found):
        try:
            value = json.loads(line.json)
            is_for_engine = _is_for_engine(value) or is_for_engine
            if isinstance(value, dict) and value.get("label") is False:
                found[index] = replace(line, is_wanted=False)
        except json.JSONDecodeError as error:
            broken = broken or (line.number, error)
        except (ValueError, RecursionError):
            return []
    if not is_for_engine:
        return []
    if broken:
        number, fault = broken
        raise UserError(
            f"Line {number}, column {fault.colno} of {path.name}: this is broken JSON ({fault.msg}). "
            "Mend the line, or take it out."
        )
    return found


def _is_for_engine(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    turns = value.get("messages")
    roles = [turn.get("role") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    return _method_of(value) != "supervised" or is_longer_talk(roles)


def _method_of(value: dict[str, Any]) -> Method:
    if {"input", "preferred_output"} <= value.keys():
        return "dpo"
    return "kto" if "messages" in value and isinstance(value.get("label"), bool) else "supervised"


def _split(
    file: str,
    lines: Sequence[Line],
    method: Method,
    notes: tuple[str, ...] = (),
    changes: tuple[str, ...] = (),
    *,
    left_out: tuple[str, ...] = (),
    number_read: int = 0,
) -> OwnExamples:
    """Hold out what the file does, else about a tenth: always the same, and never a prompt that is learnt."""
    keys = {line.key for line in lines if line.held_out} or _chosen_keys(lines)
    if method == "kto" and {line.is_wanted for line in lines if line.key not in keys} != {True, False}:
        keys = set()  # a training needs both
    train = tuple(line for line in lines if line.key not in keys)
    valid = tuple(line for line in lines if line.key in keys)
    number = number_read or len(lines)
    _check_number(file, train, valid, number, left_out)
    return OwnExamples(train, valid, method, notes, changes, left_out=left_out, number_read=number)


def _check_number(
    file: str, train: Sequence[Line], valid: Sequence[Line], number_read: int, left_out: Sequence[str]
) -> None:
    if len(train) >= MIN_TRAINING_TEXTS:
        return
    usable = len(train) + len(valid)
    count = (
        f"{usable:,} of {count_text(number_read, 'example')}" if left_out else count_text(usable, "example")
    )
    aside = f", of which {len(valid):,} are kept aside and {len(train):,} would train" if valid else ""
    cure = "add some, or mend those that are left out" if left_out else "add some"
    refusal = (
        f"Of {file}, {count} can be used{aside}, but a training needs {MIN_TRAINING_TEXTS}: {cure}. A few "
        "hundred teach well."
    )
    raise UserError("\n".join([refusal, *(f"- {change}" for change in left_out)]))


def _chosen_keys(lines: Sequence[Line]) -> set[str]:
    wanted = min(round(len(lines) * _HELD_OUT), len(lines) - MIN_TRAINING_TEXTS)
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.key] = counts.get(line.key, 0) + 1
    chosen = set[str]()
    for key in sorted(counts, key=lambda key: hashlib.sha256(key.encode()).hexdigest()):
        if counts[key] <= wanted:
            chosen.add(key)
            wanted -= counts[key]
    return chosen
