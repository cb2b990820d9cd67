"""Read and validate training files: JSONL, one example per line."""

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.errors import as_clause, field_path
from engine.messages import JudgedExample, PreferenceExample, TrainingExample
from engine.training_request import MethodName

MIN_EXAMPLES = 10
_SHOWN_ERRORS = 5
_FORMS: dict[MethodName, str] = {
    "supervised": "a conversation",
    "dpo": "a pair",
    "kto": "a conversation with a label",
}
"""What a line is called that has the form of a method."""

_NO_JSONL = (
    'no line of it is an example, such as {"messages": [...]}. `herosmith dataset check FILE` writes such '
    "lines from a table, or from a JSONL of prompts and completions: upload what it wrote."
)
_NO_LABEL = "it has no label, and 'kto' needs one: true if its last message is wanted, false if not"
_UTF_16 = "it is not encoded in UTF-8 but probably in UTF-16: save it as UTF-8"
_OTHER_FORMATS = {
    codecs.BOM_UTF32_LE: "it is encoded in UTF-32: save it as UTF-8",
    codecs.BOM_UTF32_BE: "it is encoded in UTF-32: save it as UTF-8",
    codecs.BOM_UTF16_LE: "it is encoded in UTF-16: save it as UTF-8",
    codecs.BOM_UTF16_BE: "it is encoded in UTF-16: save it as UTF-8",
    b"\x1f\x8b": "it is compressed with gzip: upload what it contains",
    b"PK\x03\x04": "it is a zip archive: upload what it contains",
}
"""How files begin that are not text in UTF-8; UTF-32 first, whose mark begins as that of UTF-16."""
_LONGEST_MARK = max(map(len, _OTHER_FORMATS))

Example = TrainingExample | PreferenceExample | JudgedExample
T = TypeVar("T", TrainingExample, PreferenceExample, JudgedExample)


class TrainingFileError(Exception):
    """An invalid training file; the message names the invalid lines."""


def read(path: Path, method: MethodName, *, at_least: int = MIN_EXAMPLES) -> dict[int, Example]:
    """Return the examples of a file by line number; empty lines are skipped.

    Raises TrainingFileError with the first errors and their line numbers, or if the file has fewer than
    `at_least` examples. Of a file to train on, which needs several, labels must differ.
    """
    examples: dict[int, Example] = {}
    errors: dict[int, str] = {}
    has_own_form = False
    for number, line in _lines(path):
        try:
            examples[number] = _parse_line(line, method)
        except TrainingFileError as error:
            errors[number] = str(error)
            has_own_form = has_own_form or _method_of_line(line) is not None
    if errors and not examples and not has_own_form:
        raise TrainingFileError(_NO_JSONL)
    raise_for(errors)
    if len(examples) < at_least:
        raise TrainingFileError(f"the file has {len(examples)} examples, and at least {at_least} are needed.")
    if at_least > 1:
        _check_labels(examples)
    return examples


def _check_labels(examples: dict[int, Example]) -> None:
    """Raise TrainingFileError for judged examples of one kind: nothing tells them from what is not wanted."""
    labels = {example.label for example in examples.values() if isinstance(example, JudgedExample)}
    if labels == {True}:
        raise TrainingFileError(
            "all its labels are true, and 'kto' learns from wanted and unwanted texts. For wanted ones "
            "alone, leave the labels out and use the method 'supervised'."
        )
    if labels == {False}:
        raise TrainingFileError(
            "all its labels are false, and 'kto' learns from wanted and unwanted texts. Add wanted ones."
        )


def parse(example: dict[str, Any], method: MethodName | None) -> Example:
    """Return a line's value as an example, by its own form if no method is given.

    Raises TrainingFileError.
    """
    return _parse_line(json.dumps(example).encode(), method or _method_of(example) or "supervised")


def count_examples(path: Path) -> int:
    """Return the number of examples in a valid file."""
    return sum(1 for _ in _lines(path))


def raise_for(errors: dict[int, str]) -> None:
    """Raise TrainingFileError with the first errors by line number, if there are any."""
    if errors:
        shown = [f"line {number}: {error}" for number, error in list(errors.items())[:_SHOWN_ERRORS]]
        more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise TrainingFileError("; ".join(shown) + more + ".")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers. Raises TrainingFileError."""
    try:
        with path.open("rb") as file:
            _check_format(file.read(_LONGEST_MARK))
            file.seek(0)
            # JSON has no line end within a value, so each of the three kinds ends a line
            lines = (line for read in file for line in read.rstrip(b"\r\n").split(b"\r"))
            for number, line in enumerate(lines, 1):
                text = line.lstrip(codecs.BOM_UTF8)  # no other text of JSON begins with one of these bytes
                if text.strip():
                    yield number, text
    except FileNotFoundError:
        raise TrainingFileError("it was deleted while the engine was reading it.") from None
    except OSError as error:
        raise TrainingFileError(f"it could not be read ({error.strerror}).") from error


def _check_format(start: bytes) -> None:
    """Raise TrainingFileError if a file begins as one does that is not text in UTF-8."""
    for mark, advice in _OTHER_FORMATS.items():
        if start.startswith(mark):
            raise TrainingFileError(f"{advice}.")
    if b"\0" in start:
        raise TrainingFileError(f"{_UTF_16}.")


def _parse_line(line: bytes, method: MethodName) -> Example:
    readers: dict[MethodName, Callable[[bytes], Example]] = {
        "supervised": _conversation,
        "dpo": _pair,
        "kto": _judged,
    }
    return readers[method](line)


def _conversation(line: bytes) -> TrainingExample:
    example = _parse(TrainingExample, line, "supervised")
    last = example.messages[-1]
    if last.role != "assistant":
        raise TrainingFileError("the last message must be the assistant's")
    if not any(message.weight for message in example.messages if message.role == "assistant"):
        raise TrainingFileError("no assistant message has a weight of 1")
    if not example.learned_turns:
        raise TrainingFileError(
            "the assistant's first message answers nothing, and no other is to be learned"
        )
    for index, message in enumerate(example.messages):
        if message.role == "assistant" and not message.content.strip():
            raise TrainingFileError(f"messages[{index}].content: the assistant says nothing")
    return example


def _pair(line: bytes) -> PreferenceExample:
    example = _parse(PreferenceExample, line, "dpo")
    if example.input.messages[-1].role == "assistant":
        raise TrainingFileError("input.messages: the last message must not be the assistant's")
    for name in ("preferred_output", "non_preferred_output"):
        if not getattr(example, name)[0].content.strip():
            raise TrainingFileError(f"{name}[0].content: the assistant says nothing")
    if example.preferred_output == example.non_preferred_output:
        raise TrainingFileError("both outputs are the same: there is nothing to prefer")
    return example


def _judged(line: bytes) -> JudgedExample:
    example = _parse(JudgedExample, line, "kto")
    *prompt, last = example.messages
    if last.role != "assistant":
        raise TrainingFileError("the last message must be the assistant's: it is what the label is of")
    if not prompt:
        raise TrainingFileError("the assistant's message answers nothing: put the user's before it")
    if not last.content.strip():
        raise TrainingFileError(f"messages[{len(prompt)}].content: the assistant says nothing")
    return example


def _parse(example_type: type[T], line: bytes, method: MethodName) -> T:
    try:
        return example_type.model_validate_json(line)
    except ValidationError as error:
        other = _method_of_line(line)
        if (method, other) == ("kto", "supervised"):
            raise TrainingFileError(_NO_LABEL) from None
        if other not in {None, method}:
            form = _FORMS[other or method]
            raise TrainingFileError(
                f"this is {form} for the method '{other}', and the job's is '{method}'"
            ) from None
        first = error.errors(include_url=False)[0]
        path, message = field_path(first["loc"]), as_clause(first["msg"])
        raise TrainingFileError(f"{path}: {message}" if path else message) from None


def _method_of_line(line: bytes) -> MethodName | None:
    """Return the method whose form a line has; None if it has none."""
    try:
        example = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _method_of(example) if isinstance(example, dict) else None


def _method_of(example: dict[str, Any]) -> MethodName | None:
    if "preferred_output" in example:
        return "dpo"
    if "messages" in example:
        return "kto" if example.get("label") is not None else "supervised"
    return None
