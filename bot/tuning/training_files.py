"""Training files: a dataset's splits and the reference texts as JSONL, named by a hash of their content."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.chat import Message
from bot.store.datasets import Item, Split
from bot.store.job_schema import Method

Part = Literal["train", "valid", "reference"]

_SPLITS: tuple[Split, ...] = ("train", "valid")


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A part of a dataset as JSONL, or the texts on which models are compared; its name has a hash of it."""

    part: Part
    name: str
    content: bytes


def training_files(
    items: Iterable[Item], method: Method = "supervised", *, prefix: bytes = b"", continues: bool = True
) -> list[TrainingFile]:
    """Return a file for each split that has texts; prefix is the byte order mark that some servers want.

    continues: whether the server trains a text that continues an assistant's turn, as only the engine does;
    elsewhere such a text is left out.
    """
    form = _judged if method == "kto" else _example
    lines: dict[Split, list[str]] = {"train": [], "valid": []}
    for item in items:
        if not continues and item.chat and item.chat[-1]["role"] == "assistant":
            continue
        lines[item.split].append(json.dumps(form(item), ensure_ascii=False) + "\n")
    return [
        training_file(split, prefix + "".join(lines[split]).encode()) for split in _SPLITS if lines[split]
    ]


def reference_file(examples: Iterable[Mapping[str, Any]]) -> TrainingFile:
    """Return the file of the texts on which every model's loss is measured."""
    lines = (json.dumps(example, ensure_ascii=False) + "\n" for example in examples)
    return training_file("reference", "".join(lines).encode())


def training_file(part: Part, content: bytes) -> TrainingFile:
    """Return lines of JSON as a file of a part."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return TrainingFile(part, f"herosmith-{part}-{digest}.jsonl", content)


def _example(item: Item) -> dict[str, Any]:
    """Return a chat with the tuning prompt as the user's message, or a pair of answers to it."""
    if item.chat is not None:
        return {"messages": _scene(item.chat, item.text)}
    question = {"role": "user", "content": item.prompt}
    if item.rejected is None:
        return {"messages": [question, _answer(item.text)]}
    return {
        "input": {"messages": [question]},
        "preferred_output": [_answer(item.text)],
        "non_preferred_output": [_answer(item.rejected)],
    }


def _scene(chat: Sequence[Message], text: str) -> list[Mapping[str, Any]]:
    """Return the turns of a scene, of which nothing is learned but the scene itself."""
    *before, last = chat
    if last["role"] == "assistant":
        begun = last["content"]
        return [*before, {**_answer(f"{begun}{text}"), "begun": begun}]
    told = [{**turn, "weight": 0} if turn["role"] == "assistant" else turn for turn in chat]
    return [*told, _answer(text)]


def _judged(item: Item) -> dict[str, Any]:
    """Return a chat with the tuning prompt as the user's message, and whether such an answer is wanted."""
    text = item.text if item.is_wanted else item.rejected or ""
    return {
        "messages": [{"role": "user", "content": item.prompt}, _answer(text)],
        "label": item.is_wanted,
    }


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
