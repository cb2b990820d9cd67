"""Any file of examples, heroes or not, as training files for the engine: read, checked, and split."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.dataset.lint.examples import read_examples
from bot.dataset.lint.finding import Severity, count_text
from bot.dataset.lint.linter import lint
from bot.dataset.lint.prepared_file import format_lines
from bot.dataset.reading.source import Format
from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.store.job_schema import Method
from bot.tuning.training_files import TrainingFile, training_file

_LINE_END = re.compile(r"\r\n|\r|\n")  # no other separators: JSON may have those within a text
_HELD_OUT = 0.1  # the share of examples that measure a training, if the file holds none out


@dataclass(frozen=True, slots=True)
class Line:
    """An example as a line of JSON; key tells those apart that must not be learnt and measured at once."""

    number: int  # in the file it came from, from 1 on
    json: str
    key: str
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class OwnExamples:
    """The examples of a file; notes are sentences on what was found, changes on what was mended."""

    train: tuple[Line, ...]
    valid: tuple[Line, ...]
    method: Method
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

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


def read_own_examples(path: Path, config: HeroesConfig) -> OwnExamples:
    """Read a file of prompts and completions, chats or rated pairs.

    What a trainer would refuse is mended or left out, and said. JSON Lines as the engine takes them, with
    longer conversations or with pairs, are left as they are: the engine checks them. Raises UserError if
    nothing can be learnt from the file.
    """
    if lines := _engine_lines(path):
        method: Method = "dpo" if "preferred_output" in json.loads(lines[0].json) else "supervised"
        return _split(path.name, lines, method)
    examples = read_examples(path, config)
    report = lint(replace(examples, valid=frozenset()), target=Format.CHAT)  # its split is kept here
    wanted = [each for each in report.with_severity(Severity.OPTIONAL) if not each.style]
    frame = report.apply_fixes(wanted)
    labels = [int(label) for label in frame.index]
    lines = [
        Line(label + 1, text.rstrip("\n"), str(prompt), held_out=label in examples.valid)
        for label, prompt, text in zip(labels, frame["prompt"], format_lines(frame, Format.CHAT), strict=True)
    ]
    shown = [each for each in report.findings if each.severity is Severity.INFORMATION or each.style]
    changed = [*report.with_severity(Severity.NECESSARY), *wanted]
    notes, changes = (each.message for each in shown), (each.action for each in changed)
    return _split(path.name, lines, "supervised", tuple(notes), tuple(changes))


def _engine_lines(path: Path) -> list[Line]:
    """Return the lines of a file that only the engine reads: pairs, and conversations of several turns."""
    if path.suffix.lower() != ".jsonl" or not path.is_file():
        return []
    try:
        rows = _LINE_END.split(path.read_text(encoding="utf-8-sig"))
        found = [Line(number, row, row) for number, row in enumerate(rows, 1) if row.strip()]
        values = [json.loads(line.json) for line in found]
    except (OSError, ValueError):
        return []  # the reading room says what is wrong
    return found if values and any(map(_is_for_engine, values)) else []


def _is_for_engine(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    turns = value.get("messages")
    roles = [turn.get("role") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    return "preferred_output" in value or roles.count("assistant") > 1


def _split(
    file: str,
    lines: Sequence[Line],
    method: Method,
    notes: tuple[str, ...] = (),
    changes: tuple[str, ...] = (),
) -> OwnExamples:
    """Hold out what the file does, else about a tenth: always the same, and never a prompt that is learnt."""
    keys = {line.key for line in lines if line.held_out} or _chosen_keys(lines)
    train = tuple(line for line in lines if line.key not in keys)
    valid = tuple(line for line in lines if line.key in keys)
    if len(train) < MIN_TRAINING_TEXTS:
        raise UserError(
            f"Of {file}, {count_text(len(lines), 'example')} can be used and {len(train)} would train, but a "
            f"training needs {MIN_TRAINING_TEXTS}: add some. A few hundred teach well."
        )
    return OwnExamples(train, valid, method, notes, changes)


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
