"""A file of models' texts, which bench.adherence writes and bench.reading reads: JSONL, a text a line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.common.errors import BenchError
from bot.heroes.adherence import Answer
from bot.heroes.hero import Hero

BASE = "base"
"""The name of the untuned model; tuned ones are called "seed 0", "seed 1"."""


class _Line(BaseModel):
    """The fields of a line that are read; the others are figures of the text."""

    model_config = ConfigDict(extra="ignore")

    model: str
    hero: Hero
    text: str
    finish_reason: str = "stop"


def require_writable(path: Path) -> None:
    """Make the folder of a file that a long run will write. Raises BenchError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise BenchError(
            f"{path} cannot be written ({error.strerror or error}). Name another file."
        ) from error


def write_texts(path: Path, rows: Iterable[tuple[str, Answer, Mapping[str, Any]]]) -> None:
    """Write each answer with the name of its model, and figures of it."""
    lines = ({"model": model, **asdict(answer), **figures} for model, answer, figures in rows)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def read_texts(path: Path) -> list[tuple[str, Answer]]:
    """Return the answers with the names of their models. Raises BenchError that names a faulty line."""
    texts = [(line.model, Answer(line.hero, line.text, line.finish_reason)) for line in _lines(path)]
    if not texts:
        raise BenchError(f"{path} has no texts. `python -m bench.adherence --texts {path}` writes some.")
    return texts


def of_models(path: Path, wanted: Sequence[str]) -> dict[Hero, list[tuple[str, Answer]]]:
    """Return the answers of the wanted models by their heroes; none wanted: of all but the base.

    Raises BenchError if a model is not there, or the file cannot be read.
    """
    texts = read_texts(path)
    known = list(dict.fromkeys(model for model, _ in texts))
    models = wanted or [model for model in known if model != BASE]
    if missing := sorted({*models} - {*known}):
        raise BenchError(f"{path} has no model {missing[0]!r}: there are {', '.join(map(repr, known))}.")
    if not models:
        raise BenchError(f"{path} has texts of the base alone. Name it if that is what you mean: {BASE!r}.")
    by_hero: dict[Hero, list[tuple[str, Answer]]] = {}
    for model, answer in texts:
        if model in models:
            by_hero.setdefault(answer.hero, []).append((model, answer))
    return by_hero


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that are not blank, with their numbers. Raises BenchError if that cannot be done."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BenchError(f"There is no file {path}. Check its name.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(
            f"{path} cannot be read as UTF-8 text ({error}). Save it so and try again."
        ) from error
    # not splitlines(): it would also split at marks within a text, such as U+2028
    return [(number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip()]


def _lines(path: Path) -> Iterable[_Line]:
    for number, line in read_lines(path):
        try:
            yield _Line.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            at = ".".join(map(str, fault["loc"]))
            raise BenchError(
                f"{path}, line {number}: {f'{at}: ' if at else ''}{fault['msg']}. A line is what "
                "`python -m bench.adherence --texts` writes: make the file anew."
            ) from error
