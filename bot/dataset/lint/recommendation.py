"""What takes a checked file: the bot's own import, which is tried, or trainers that take any prompt."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.dataset.files.hero_rows import (
    CONTROL_TOKEN,
    parse_hero_rows,
    training_texts,
)
from bot.dataset.lint.examples import Examples
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format, Record, Source
from bot.dataset.versions.draft import Draft
from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS, check_trainable
from bot.errors import UserError
from bot.heroes.config import HeroesConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was checked, and its examples as prepared: in a file of their own, or in the source."""

    examples: Examples
    source: Path
    frame: "pd.DataFrame"
    prepared: Path
    target: Format


def recommend(checked: CheckedFile, config: HeroesConfig) -> list[str]:
    """Return sentences about what to do with a file that was checked."""
    try:
        path = _importable_file(checked, config)
    except UserError as error:
        return [
            f"The bot cannot take it in as a dataset: {error}",
            _trainers_text(checked.frame, checked.target),
        ]
    return [f"Import it with `herosmith dataset import {shell_argument(path)}`, then use /finetune."]


def _importable_file(checked: CheckedFile, config: HeroesConfig) -> Path:
    """Return the file to import: the source, if its split would be lost. Raises UserError as import would."""
    heroes = checked.examples.heroes.of(checked.frame)
    if not heroes.accepted:
        raise UserError(f"its prompts are no heroes (age, gender, power). {heroes.refusals[0]}")
    if not heroes.refused.empty:
        raise UserError("mend or drop the examples without a hero first, which are named above.")
    path = checked.source if checked.examples.held_out else checked.prepared
    source = open_source(path) if checked.examples.held_out else _as_source(checked.frame, path.name)
    _try_import(source, path.name, config)
    return path


def _try_import(source: Source, file: str, config: HeroesConfig) -> None:
    """Do what import does before it stores anything. Raises UserError if that or a training would fail."""
    rows = parse_hero_rows(source, file, config.vocabulary).rows
    with Draft() as draft:
        for prompt, split, texts in training_texts(rows, range(len(rows)), config.prompts):
            draft.add(prompt, texts, split=split)
            if draft.certain_training_texts >= MIN_TRAINING_TEXTS and not draft.only_prompt:
                return  # whatever follows cannot be too little, and comparing it takes long
        check_trainable(draft, file=file)


def _as_source(frame: "pd.DataFrame", file: str) -> Source:
    def records() -> Iterator[Record]:
        pairs = zip(frame["prompt"], frame["completion"], strict=True)
        for number, (prompt, completion) in enumerate(pairs, 1):
            yield Record(number, f"Example {number} of {file}", {"prompt": prompt, "completion": completion})

    return Source(Format.CHAT, ("prompt", "completion"), records)


def _trainers_text(frame: "pd.DataFrame", target: Format) -> str:
    """Return which trainers take a file of these examples, or why none does."""
    if target is not Format.CHAT:
        return "Trainers of today take no pairs of prompt and completion: check the file without --legacy."
    if any(frame[name].str.contains(CONTROL_TOKEN).any() for name in frame):
        return "Trainers refuse its control tokens: let them be taken out."
    if len(frame) < MIN_TRAINING_TEXTS:
        return f"Trainers need {MIN_TRAINING_TEXTS} examples or more, and it has {len(frame)}."
    return (
        "The engine's fine-tuning API takes it (upload it to /v1/files, then create a job: docs/engine.md), "
        "and so do hosted providers of that API."
    )


def shell_argument(path: Path) -> str:
    """Return a path as an argument to paste into a shell, also if it begins with a hyphen."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
