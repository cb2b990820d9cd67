"""Training files: a dataset's sides as a server reads them, under names that say what is in them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.store.datasets import Item, Split

_SPLITS: tuple[Split, ...] = ("train", "valid")


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """One side of a dataset as JSONL, under a name that carries a hash of its content."""

    split: Split
    name: str
    content: bytes


def training_files(items: Iterable[Item], *, prefix: bytes = b"") -> list[TrainingFile]:
    """A file for each side that has texts; prefix is the mark that some servers want before it."""
    lines: dict[Split, list[str]] = {"train": [], "valid": []}
    for item in items:
        lines[item.split].append(json.dumps(_example(item), ensure_ascii=False) + "\n")
    return [_file(split, prefix + "".join(lines[split]).encode()) for split in _SPLITS if lines[split]]


def _file(split: Split, content: bytes) -> TrainingFile:
    digest = hashlib.sha256(content).hexdigest()[:16]
    return TrainingFile(split, f"herosmith-{split}-{digest}.jsonl", content)


def _example(item: Item) -> dict[str, Any]:
    """One conversation with the tuning prompt as the user, or a pair of answers to it."""
    question = {"role": "user", "content": item.prompt}
    if item.rejected is None:
        return {"messages": [question, _answer(item.text)]}
    return {
        "input": {"messages": [question]},
        "preferred_output": [_answer(item.text)],
        "non_preferred_output": [_answer(item.rejected)],
    }


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
