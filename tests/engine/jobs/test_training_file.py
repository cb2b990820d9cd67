"""Training files: errors name their lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import training_file
from tests.support.engine_process import example

GOOD = json.dumps(example(40))


def write(path: Path, *lines: str | bytes) -> Path:
    file = path / "examples.jsonl"
    file.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return file


def messages(*turns: tuple[str, Any]) -> str:
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]})


def test_good_examples_and_empty_lines(tmp_path: Path) -> None:
    examples = training_file.read(write(tmp_path, *[GOOD] * 9, "", GOOD, "  "), "supervised")
    assert len(examples) == 10
    assert list(examples) == [*range(1, 10), 11]
    assert examples[11].chats[0][1].content.startswith("She is 40")


def test_too_few(tmp_path: Path) -> None:
    with pytest.raises(training_file.TrainingFileError, match="has 9 examples, and at least 10"):
        training_file.read(write(tmp_path, *[GOOD] * 9), "supervised")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "invalid JSON"),
        (b'{"messages": "\xff"}', "invalid JSON|invalid utf-8|invalid unicode"),
        ("[]", "object"),
        ('{"prompt": "a", "completion": "b"}', "messages: field required"),
        ('{"messages": []}', "messages: list should have at least 1 item"),
        (messages(("user", "a")), "the last message must be the assistant's"),
        (messages(("user", "a"), ("assistant", " ")), r"messages\[1\].content: the assistant says nothing"),
        (messages(("user", 7), ("assistant", "b")), r"messages\[0\].content: input should be a valid string"),
        (messages(("robot", "a"), ("assistant", "b")), r"messages\[0\].role: input should be 'system'"),
        (
            '{"messages": [{"role": "assistant", "content": "b", "weight": 0}]}',
            "no assistant message has a weight of 1",
        ),
        ('{"messages": [{"role": "assistant", "content": "b", "name": "x"}]}', r"messages\[0\].name: extra"),
    ],
)
def test_errors_name_their_line(tmp_path: Path, line: str | bytes, fault: str) -> None:
    with pytest.raises(training_file.TrainingFileError, match=f"^line 12: .*({fault})"):
        training_file.read(write(tmp_path, *[GOOD] * 11, line), "supervised")


def test_many_errors_are_counted(tmp_path: Path) -> None:
    with pytest.raises(training_file.TrainingFileError) as caught:
        training_file.read(write(tmp_path, *["{"] * 8), "supervised")
    assert str(caught.value).count("line") >= 5
    assert str(caught.value).endswith("and 3 more.")
