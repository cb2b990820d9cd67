"""Reading training files: JSONL, one example a line, checked before any time is spent."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from engine.errors import field_path, plain
from engine.messages import Message, PreferenceExample, TrainingExample
from engine.training_request import MethodName

MIN_EXAMPLES = 10
_FAULTS_SHOWN = 5
_OTHER_METHOD = {
    "supervised": ("preferred_output", "this is a pair for the method 'dpo', and the job's is 'supervised'"),
    "dpo": ("messages", "this is a conversation for the method 'supervised', and the job's is 'dpo'"),
}

Example = TrainingExample | PreferenceExample
T = TypeVar("T", TrainingExample, PreferenceExample)


class TrainingFileError(Exception):
    """A file that cannot be trained on; the text names the lines at fault and is meant for its author."""


def read(path: Path, method: MethodName, *, at_least: int = MIN_EXAMPLES) -> dict[int, Example]:
    """Return the examples of a file by their line numbers. Empty lines are passed over.

    Raises TrainingFileError, which lists the first faults with their line numbers.
    """
    examples: dict[int, Example] = {}
    faults: dict[int, str] = {}
    for number, line in _lines(path):
        try:
            examples[number] = _conversation(line) if method == "supervised" else _pair(line)
        except TrainingFileError as fault:
            faults[number] = str(fault)
    refuse(faults)
    if len(examples) < at_least:
        raise TrainingFileError(f"the file has {len(examples)} examples, and at least {at_least} are needed.")
    return examples


def count(path: Path) -> int:
    """Return how many examples a file has that was read before."""
    return sum(1 for _ in _lines(path))


def refuse(faults: dict[int, str]) -> None:
    """Raise TrainingFileError with the first of the faults, if there are any, by line number."""
    if faults:
        shown = [f"line {number}: {fault}" for number, fault in list(faults.items())[:_FAULTS_SHOWN]]
        more = f"; and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
        raise TrainingFileError("; ".join(shown) + more + ".")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _conversation(line: bytes) -> TrainingExample:
    example = _parsed(TrainingExample, line, "supervised")
    last = example.messages[-1]
    if last.role != "assistant":
        raise TrainingFileError("the last message must be the assistant's")
    if not any(message.weight for message in example.messages if message.role == "assistant"):
        raise TrainingFileError("no assistant message has a weight of 1")
    for index, message in enumerate(example.messages):
        if message.role == "assistant" and not message.content.strip():
            raise TrainingFileError(f"messages[{index}].content: the assistant says nothing")
    return example


def _pair(line: bytes) -> PreferenceExample:
    example = _parsed(PreferenceExample, line, "dpo")
    if example.input.messages[-1].role == "assistant":
        raise TrainingFileError("input.messages: the last message must not be the assistant's")
    for name in ("preferred_output", "non_preferred_output"):
        if not getattr(example, name)[0].content.strip():
            raise TrainingFileError(f"{name}[0].content: the assistant says nothing")
    if example.preferred_output == example.non_preferred_output:
        raise TrainingFileError("both outputs are the same: there is nothing to prefer")
    return example


def _parsed(kind: type[T], line: bytes, method: MethodName) -> T:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        field, sentence = _OTHER_METHOD[method]
        if _has(line, field):
            raise TrainingFileError(sentence) from None
        fault = error.errors(include_url=False)[0]
        where = field_path(fault["loc"])
        raise TrainingFileError(f"{where}: {plain(fault['msg'])}" if where else plain(fault["msg"])) from None


def _has(line: bytes, field: str) -> bool:
    try:
        return field in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False


Count = Callable[[Sequence[Message]], Awaitable[int]]
"""Tells how many tokens a chat has for the base model; a ValueError says why it cannot be one."""


async def check(path: Path, method: MethodName, *, at_least: int, longest: int, count: Count) -> None:
    """Read a training file and measure its chats in tokens.

    Raises TrainingFileError, which names the lines at fault; ApiError where the base model cannot be asked.
    """
    examples = await asyncio.to_thread(read, path, method, at_least=at_least)
    faults = {}
    for number, example in examples.items():
        try:
            tokens = max([await count(chat) for chat in example.chats])
        except ValueError as error:
            faults[number] = plain(str(error))
            continue
        if tokens > longest:
            faults[number] = f"the example has {tokens} tokens, and the model reads {longest}"
    refuse(faults)
