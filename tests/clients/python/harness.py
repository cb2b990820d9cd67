"""Runs the steps of one client: `python SCRIPT URL MODEL` prints a JSON object for each step.

Standard library only: every script runs in the environment of its client.
"""

import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

URL, MODEL = sys.argv[1:3]
KEY = "none"
QUESTION = "Name a colour."
FOLLOW_UP = "Name another one."
TOKENS = 8
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
"""The JSON schema that structured answers follow; short, so that a small model ends it soon."""


FUNCTION = {"name": "save_person", "description": "Save somebody.", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
"""A function to call, with the values of `SCHEMA` as arguments."""


def run(*steps: Callable[[], object]) -> None:
    """Run each step; one that fails does not keep the others from running."""
    for step in steps:
        result: dict[str, Any] = {"step": step.__name__}
        try:
            step()
        except Exception as error:  # noqa: BLE001  reported with its traceback
            result["error"] = f"{type(error).__name__}: {error}"
            result["traceback"] = traceback.format_exc()
        print(json.dumps(result), flush=True)


def check(*, holds: object, what: object) -> None:
    """Fail with `what` was seen."""
    if not holds:
        raise AssertionError(f"unexpected: {what!r}")


def check_text(text: object) -> None:
    """Check that an answer is a text that is not empty."""
    check(holds=isinstance(text, str) and text.strip(), what=text)


def check_person(name: object, age: object) -> None:
    """Check the values of a structured answer."""
    check(holds=isinstance(name, str) and isinstance(age, int) and 1 <= age <= 99, what=(name, age))


def training_file() -> Path:
    """Return a new training file of ten examples."""
    path = Path(tempfile.mkdtemp()) / "examples.jsonl"
    lines = [
        {
            "messages": [
                {"role": "user", "content": QUESTION},
                {"role": "assistant", "content": f"Blue {shade}."},
            ]
        }
        for shade in range(10)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
