"""Preparation: a table's findings, its fixes, and the training file that comes of them."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bot.dataset.lint.checks import CHECKS, Check
from bot.dataset.lint.finding import Finding, Kind, information
from bot.dataset.lint.shape import Task, alike, common_end, task_of
from bot.dataset.lint.tables import Format, Table
from bot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Examination:
    """What the checks found, in their order; an error, where there is one, is the last finding."""

    findings: tuple[Finding, ...]
    frame: "pd.DataFrame"  # with the necessary fixes applied

    def of_kind(self, kind: Kind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind is kind]

    def fixed(self, chosen: Collection[Finding]) -> "pd.DataFrame":
        """The prompts and completions with the chosen optional fixes, applied in the order of the checks.

        Raises UserError where the checks ended with an error, or no example is left.
        """
        for error in self.of_kind(Kind.ERROR):
            raise UserError(error.text)
        frame = self.frame
        for finding in self.of_kind(Kind.OPTIONAL):
            if finding in chosen and finding.fix:
                frame = finding.fix(frame)
        if frame.empty:
            raise UserError("No example is left. Decline one of the fixes that drop examples.")
        return frame


def examine(table: Table, *, wanted: Format = Format.CHAT) -> Examination:
    """Run the checks over a table, which is to become a training file of the wanted format.

    In chat files roles part prompt and completion, so neither a separator, nor an ending, nor a leading
    space is looked for.
    """
    frame = table.frame
    findings = [information(remark) for remark in table.remarks]
    if table.format is not wanted:
        findings.append(
            Finding(Kind.NECESSARY, f"The file is {table.format}.", f"Convert {table.format} to {wanted}")
        )
    for check in (each for each in CHECKS if _runs(each, wanted)):
        finding = check.look(frame)
        if finding is None:
            continue
        findings.append(finding)
        if finding.kind is Kind.ERROR:
            break
        if finding.kind is Kind.NECESSARY and finding.fix:
            frame = finding.fix(frame)
    return Examination(tuple(findings), frame)


def _runs(check: Check, wanted: Format) -> bool:
    return not (check.pairs_only and wanted is Format.CHAT)


def free_path(source: Path) -> Path:
    """Where the prepared file goes: beside its source, under a name that no file has yet."""
    first = source.with_name(f"{source.stem}_prepared.jsonl")
    others = (first.with_stem(f"{first.stem} ({number})") for number in count(1))
    return first if not first.exists() else next(path for path in others if not path.exists())


def write(frame: "pd.DataFrame", path: Path, *, wanted: Format) -> None:
    """Write one example a line, in UTF-8. A file that is there already is left alone.

    Raises UserError where the file exists or cannot be written; then nothing of it is left behind.
    """
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                for prompt, completion in zip(frame["prompt"], frame["completion"], strict=True):
                    file.write(_line(prompt, completion, wanted))
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise UserError(f"{path} exists already. Give another name.") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}. Name another file with --out."
        ) from None


def _line(prompt: str, completion: str, wanted: Format) -> str:
    pair: dict[str, object] = {"prompt": prompt, "completion": completion}
    if wanted is Format.CHAT:
        turns = (("user", prompt), ("assistant", completion))
        pair = {"messages": [{"role": role, "content": content} for role, content in turns]}
    return json.dumps(pair, ensure_ascii=False) + "\n"


def reminders(frame: "pd.DataFrame") -> list[str]:
    """What to remember when a model is tuned on prompt-completion pairs and then asked."""
    found = []
    end = _shared_end(frame["prompt"])
    if end:
        found.append(f"Ask the tuned model with prompts that end with the separator {end!r}.")
    stop = _shared_end(frame["completion"])
    if stop:
        found.append(f"Ask it with stop=[{stop!r}], so that it ends where its examples did.")
    minutes = legacy_seconds(frame) / 60
    found.append(f"OpenAI's retired tool would have estimated the training at {minutes:,.1f} minutes.")
    return found


def legacy_seconds(frame: "pd.DataFrame") -> float:
    """How long OpenAI's retired tool said that training takes, queues aside.

    It went by the number of labels to learn, or else by the memory of the table, where a text counted as a
    pointer of eight bytes.
    """
    if task_of(frame) is Task.CLASSIFICATION:
        return 140 + 1.44 * len(frame)
    return 140 + 0.0515 * float(frame.astype(object).memory_usage(index=True).sum())


def _shared_end(texts: "pd.Series[str]") -> str:
    return "" if alike(texts) else common_end(texts)
