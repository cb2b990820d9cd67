"""What takes a checked file: the bot's own import, which is tried, or trainers that take any prompt."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.chat import CONTROL_TOKEN
from bot.dataset.files.hero_rows import PromptTexts, read_hero_rows, training_texts
from bot.dataset.lint.examples import Examples, Heroes
from bot.dataset.reading.source import Format
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS, check_trainable
from bot.errors import UserError
from bot.heroes.config import HeroesConfig

if TYPE_CHECKING:
    import pandas as pd


_SURELY_READ = 3000  # characters of a prompt and its answer; in English, about 700 tokens of the 1,024
_AGE_FIRST = r"\s*\d+\s*,"  # as /hero asks: 40, woman, healing


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was checked, and its examples as prepared: in a file of their own, or in the source."""

    examples: Examples
    source: Path
    frame: "pd.DataFrame"
    prepared: Path
    target: Format


def recommend(checked: CheckedFile, config: HeroesConfig, *, program: str = "herosmith") -> list[str]:
    """Return sentences about what to do with a file that was checked; program is what to type for ours."""
    try:
        path, training = _importable_file(checked, config)
    except UserError as error:
        trainers = _trainers_texts(checked, program)
        if not _looks_like_heroes(checked.examples):
            return [*trainers, "(The bot's own datasets are of heroes: it holds none.)"]
        return [f"The bot cannot take it in as a dataset: {error}", *trainers]
    command = f"`{program} dataset import {shell_argument(path)}`"
    if training < MIN_TRAINING_TEXTS:
        too_few = (
            f"{command} takes it in, but no training can begin on it: by its split {training} of its texts "
            f"would train, and training needs {MIN_TRAINING_TEXTS}. Add texts to the file first."
        )
        return [too_few, *_trainers_texts(checked, program)]
    return [f"Import it with {command}; that says how to train on it."]


def _looks_like_heroes(examples: Examples) -> bool:
    """Return whether a file is meant to be of heroes, whatever is wrong with them."""
    begins_with_age = examples.frame["prompt"].str.match(_AGE_FIRST)
    return examples.has_hero_columns or examples.heroes.accepted > 0 or bool(begins_with_age.mean() > 0.5)


def _importable_file(checked: CheckedFile, config: HeroesConfig) -> tuple[Path, int]:
    """Return the file to import, and how many of its texts would train, or enough of them.

    It is the source, if its split would be lost. Raises UserError as import would.
    """
    heroes = checked.examples.heroes.of(checked.frame)
    if not heroes.accepted:
        raise UserError(
            f"none of its rows is a hero (age, gender, power) that import takes. {heroes.refusals[0]}"
        )
    if not heroes.refused.empty:
        raise UserError("mend or drop the examples without a hero first, which are named above.")
    if any(checked.frame[name].str.contains(CONTROL_TOKEN).any() for name in ("prompt", "completion")):
        raise UserError("let the control tokens be taken out first.")
    with Draft() as draft:
        if checked.examples.held_out:
            path = checked.source
            rows = read_hero_rows(path, config.vocabulary).rows
            texts = training_texts(rows, range(len(rows)), config.prompts)
        else:
            path = checked.prepared
            texts = _prepared_texts(heroes, checked.frame)
        _fill(draft, texts)
        check_trainable(draft, file=path.name, counting_held_out=draft.keeps_split)
        return path, draft.counts.get("train", 0)


def _prepared_texts(heroes: Heroes, frame: "pd.DataFrame") -> Iterator[PromptTexts]:
    """Yield what import will read from the prepared examples, whose heroes have passed its gate already."""
    for prompt, texts in frame["completion"].groupby(heroes.prompts, sort=True):
        yield str(prompt), None, [TrainingText(text, "import", number) for number, text in enumerate(texts)]


def _fill(draft: Draft, texts: Iterable[PromptTexts]) -> None:
    """Fill a draft as import does, until nothing that follows can make it too small."""
    for prompt, split, of_prompt in texts:
        draft.add(prompt, of_prompt, split=split)
        if draft.certain_training_texts >= MIN_TRAINING_TEXTS and not draft.only_prompt:
            return


def _trainers_texts(checked: CheckedFile, program: str) -> list[str]:
    """Return how to train on a file of these examples without its heroes, or why nothing does."""
    frame = checked.frame
    if checked.target is not Format.CHAT:
        return ["Trainers of today take no pairs of prompt and completion: check the file without --legacy."]
    if any(frame[name].str.contains(CONTROL_TOKEN).any() for name in frame):
        return ["Trainers refuse its control tokens: let them be taken out."]
    if len(frame) < MIN_TRAINING_TEXTS:
        return [f"Trainers need {MIN_TRAINING_TEXTS} examples or more, and it has {len(frame)}."]
    tune = (
        f"Train a model of your own on it with `{program} tune {shell_argument(checked.prepared)}`; hosted "
        "providers of OpenAI's API take it as well."
    )
    return [tune, *_length_texts(checked)]


def _length_texts(checked: CheckedFile) -> list[str]:
    """Return which examples the packaged model may not read; only the engine can count their tokens."""
    frame = checked.frame
    long = frame.index[frame["prompt"].str.len() + frame["completion"].str.len() > _SURELY_READ]
    if long.empty:
        return []
    text = (
        f"The model that comes with Herosmith reads 1,024 tokens, some {_SURELY_READ:,} characters, and tune "
        f"leaves out what is longer. It may be: {checked.examples.places.names(long)}."
    )
    return [text]


def shell_argument(path: Path) -> str:
    """Return a path as an argument to paste into a shell, also if it begins with a hyphen."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
