"""Reading training files: chat JSONL, one `{"messages": [...]}` a line, checked before any time is spent."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from engine.errors import field_path, plain
from engine.messages import TrainingExample

MIN_EXAMPLES = 10
_FAULTS_SHOWN = 5


class TrainingFileError(Exception):
    """A file that cannot be trained on; the text names the lines at fault and is meant for its author."""


def read(path: Path, *, at_least: int = MIN_EXAMPLES) -> list[TrainingExample]:
    """Return the examples of a file. Empty lines are passed over.

    Raises TrainingFileError, which lists the first faults with their line numbers.
    """
    examples: list[TrainingExample] = []
    faults: list[str] = []
    for number, line in _lines(path):
        try:
            examples.append(_example(line))
        except TrainingFileError as fault:
            faults.append(f"line {number}: {fault}")
    if faults:
        more = f"; and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
        raise TrainingFileError("; ".join(faults[:_FAULTS_SHOWN]) + more + ".")
    if len(examples) < at_least:
        raise TrainingFileError(f"the file has {len(examples)} examples, and at least {at_least} are needed.")
    return examples


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _example(line: bytes) -> TrainingExample:
    try:
        example = TrainingExample.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = field_path(fault["loc"])
        raise TrainingFileError(f"{where}: {plain(fault['msg'])}" if where else plain(fault["msg"])) from None
    last = example.messages[-1]
    if last.role != "assistant":
        raise TrainingFileError("the last message must be the assistant's")
    if not any(message.weight for message in example.messages if message.role == "assistant"):
        raise TrainingFileError("no assistant message has a weight of 1")
    for index, message in enumerate(example.messages):
        if message.role == "assistant" and not message.content.strip():
            raise TrainingFileError(f"messages[{index}].content: the assistant says nothing")
    return example
