"""Write the prepared training file, and what to remember when a model is trained on it."""

import json
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from bot.dataset.files.affixes import common_suffix
from bot.dataset.files.base import atomic_write
from bot.dataset.lint.shape import Task, all_equal, task_of
from bot.dataset.reading.source import Format
from bot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# for one text, which is much faster than an encoder for a line of nested objects
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def default_output_path(source: Path) -> Path:
    """Return a path beside the source that no file has yet: NAME_prepared.jsonl, else with a number."""
    if not source.name.strip("."):  # the folder . or ..
        source = source.resolve()
    first = source.with_name(f"{source.stem}_prepared.jsonl")
    numbered = (first.with_stem(f"{first.stem} ({number})") for number in count(1))
    return first if not _exists(first) else next(path for path in numbered if not _exists(path))


def _exists(path: Path) -> bool:
    """Return whether a path exists. What is too long for the file system does not: to write it will fail."""
    try:
        return path.exists()
    except OSError:
        return False


def check_output_path(path: Path, source: Path, *, overwrite: bool) -> None:
    """Raise UserError if a file cannot be written there, or its name says another format than JSON Lines."""
    if _exists(path) and _exists(source) and path.samefile(source):
        raise UserError(f"{path} is the file to check, which stays as it is: name another with --out.")
    if _exists(path) and not overwrite:
        raise UserError(_exists_text(path))
    if path.suffix.lower() != ".jsonl":
        raise UserError(
            f"JSON Lines are written, so --out must end in .jsonl: name it {path.with_suffix('.jsonl')}."
        )


def _exists_text(path: Path) -> str:
    return f"{path} exists already: choose another name, or replace it with --overwrite."


def write_prepared_file(
    frame: "pd.DataFrame", path: Path, *, target: Format, overwrite: bool = False
) -> None:
    """Write one example per line, in UTF-8.

    Raises UserError if the file cannot be written, or exists and is not to be overwritten; then no partial
    file remains, and an existing one is unchanged.
    """
    if overwrite:
        with atomic_write(path, overwrite=True) as temporary:
            write_prepared_file(frame, temporary, target=target)
        return
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.writelines(format_lines(frame, target))
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise UserError(_exists_text(path)) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}. Name another file with --out."
        ) from None


def format_lines(frame: "pd.DataFrame", target: Format) -> Iterator[str]:
    """Yield each example as a line of JSON."""
    pairs = zip(frame["prompt"], frame["completion"], strict=True)
    if target is not Format.CHAT:
        for prompt, completion in pairs:
            yield f'{{"prompt": {_quoted(prompt)}, "completion": {_quoted(completion)}}}\n'
        return
    systems = frame["system"] if "system" in frame else repeat("")
    for system, (prompt, completion) in zip(systems, pairs, strict=False):
        turns = [_turn("user", prompt), _turn("assistant", completion)]
        if system:
            turns.insert(0, _turn("system", system))
        yield f'{{"messages": [{", ".join(turns)}]}}\n'


def _turn(role: str, content: str) -> str:
    return f'{{"role": "{role}", "content": {_quoted(content)}}}'


def usage_reminders(frame: "pd.DataFrame") -> list[str]:
    """Return sentences on how to prompt a model that was trained on these prompt-completion pairs."""
    reminders = []
    separator = _shared_suffix(frame["prompt"])
    if separator:
        reminders.append(f"Ask the trained model with prompts that end with the separator {separator!r}.")
    stop = _shared_suffix(frame["completion"])
    if stop:
        reminders.append(f"Ask it with stop=[{stop!r}], so that it ends where its examples did.")
    minutes = legacy_training_seconds(frame) / 60
    reminders.append(f"OpenAI's retired tool would have estimated the training at {minutes:,.1f} minutes.")
    return reminders


def legacy_training_seconds(frame: "pd.DataFrame") -> float:
    """Estimate the training time as OpenAI's retired tool did, without queues.

    It used the number of examples for classification, else the memory of the table, in which a text counted
    as a pointer of eight bytes.
    """
    if task_of(frame) is Task.CLASSIFICATION:
        return 140 + 1.44 * len(frame)
    return 140 + 0.0515 * float(frame.astype(object).memory_usage(index=True).sum())


def _shared_suffix(texts: "pd.Series[str]") -> str:
    return "" if all_equal(texts) else common_suffix(texts)
