"""Training files: a dataset's splits as JSONL, named by a hash of their content."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.store.datasets import Item, Split

_SPLITS: tuple[Split, ...] = ("train", "valid")


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """One split of a dataset as JSONL; the name carries a hash of the content."""

    split: Split
    name: str
    content: bytes


def training_files(items: Iterable[Item], *, prefix: bytes = b"") -> list[TrainingFile]:
    """Return a file for each split that has texts; prefix is the byte order mark that some servers want."""
    lines: dict[Split, list[str]] = {"train": [], "valid": []}
    for item in items:
        lines[item.split].append(json.dumps(_example(item), ensure_ascii=False) + "\n")
    return [
        training_file(split, prefix + "".join(lines[split]).encode()) for split in _SPLITS if lines[split]
    ]


def training_file(split: Split, content: bytes) -> TrainingFile:
    """Return lines of JSON as a file of a split."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return TrainingFile(split, f"herosmith-{split}-{digest}.jsonl", content)


def _example(item: Item) -> dict[str, Any]:
    """Return a chat with the tuning prompt as the user's message, or a pair of answers to it."""
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
