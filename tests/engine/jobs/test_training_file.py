"""Training files: errors name their lines."""

import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import training_file
from engine.messages import TrainingExample
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
    last = examples[11]
    assert isinstance(last, TrainingExample)
    assert last.messages[1].content.startswith("She is 40")


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
        training_file.read(write(tmp_path, GOOD, *["{"] * 8), "supervised")
    assert str(caught.value).count("line") >= 5
    assert str(caught.value).endswith("and 3 more.")


@pytest.mark.parametrize(
    "lines",
    [
        ["question,answer", *(f"What is {n}?,It is {n}." for n in range(40))],
        [json.dumps({"prompt": f"{n}", "completion": "b"}) for n in range(40)],
        ["[", *(f"{json.dumps({'prompt': f'{n}'})}," for n in range(40)), "]"],
    ],
)
def test_another_kind_of_file_is_named_once_with_what_writes_it_anew(
    tmp_path: Path, lines: list[str]
) -> None:
    with pytest.raises(training_file.TrainingFileError, match="herosmith dataset check FILE") as caught:
        training_file.read(write(tmp_path, *lines), "supervised")
    assert "line 1" not in str(caught.value)


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "content",
    [
        BOM + GOOD.encode() + b"\n",
        BOM + b"\n" + GOOD.encode() + b"\n",
        GOOD.encode() + b"\n" + BOM + GOOD.encode() + b"\n",  # two files, one put behind the other
        BOM * 2 + GOOD.encode(),
        BOM + b"\r\n" + GOOD.encode() + b"\r\n" + BOM,
        GOOD.encode() + b"\r" + GOOD.encode() + b"\r",
        GOOD.encode() + b"\r" + GOOD.encode() + b"\n" + GOOD.encode() + b"\r\n" + GOOD.encode(),
        b"\r\r" + BOM + GOOD.encode() + b"\r\r\n",
        json.dumps(example(40), ensure_ascii=False).replace("city", "city\u2028\u0085 here").encode(),
    ],
)
def test_byte_order_marks_and_line_ends(tmp_path: Path, content: bytes) -> None:
    file = write(tmp_path, content)
    examples = training_file.read(file, "supervised", at_least=1)
    assert len(examples) == training_file.count_examples(file) == content.count(b'{"messages')
    for found in examples.values():
        assert isinstance(found, TrainingExample)
        assert found.messages[0].content == "40, woman, flight ->"


def test_lines_are_counted_whatever_ends_them(tmp_path: Path) -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        file = write(tmp_path, end.join([BOM + GOOD.encode(), GOOD.encode(), b"", b"{", GOOD.encode()]))
        with pytest.raises(training_file.TrainingFileError, match=r"^line 4: invalid JSON"):
            training_file.read(file, "supervised", at_least=1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD.encode("utf-16"), "encoded in UTF-16: save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "probably in UTF-16: save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "probably in UTF-16: save it as UTF-8"),
        (codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"), "encoded in UTF-16"),
        (GOOD.encode("utf-32"), "encoded in UTF-32"),
        (gzip.compress(GOOD.encode(), mtime=0), "compressed with gzip"),
        (b"PK\x03\x04 and so on", "a zip archive"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(training_file.TrainingFileError, match=sentence) as caught:
        training_file.read(write(tmp_path, content), "supervised")
    assert "line" not in str(caught.value)


def test_a_file_that_is_gone_is_named_without_its_path(tmp_path: Path) -> None:
    """The path is the server's business; the client knows the file by its id."""
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "gone", tmp_path / "folder", tmp_path / "gone" / "content"):
        with pytest.raises(training_file.TrainingFileError, match=r"^it ") as caught:
            training_file.read(path, "supervised")
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("roles", "learned"),
    [
        ("assistant user assistant", [2]),
        ("assistant user assistant user assistant", [2, 4]),
        ("assistant assistant", [1]),
        ("system assistant", [1]),
        ("user assistant user assistant", [1, 3]),
        ("user assistant assistant", [1, 2]),
    ],
)
def test_the_turns_that_are_learned(tmp_path: Path, roles: str, learned: list[int]) -> None:
    line = messages(*((role, f"text {index}") for index, role in enumerate(roles.split())))
    [found] = training_file.read(write(tmp_path, line), "supervised", at_least=1).values()
    assert isinstance(found, TrainingExample)
    assert found.learned_turns == learned


@pytest.mark.parametrize(
    "line",
    [
        messages(("assistant", "Hello.")),
        messages(("assistant", "Hello."), ("user", "b"), ("assistant", "c")).replace(
            '"c"', '"c", "weight": 0'
        ),
    ],
)
def test_an_answer_to_nothing_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(
        training_file.TrainingFileError, match=r"^line 12: the assistant's first message answers"
    ):
        training_file.read(write(tmp_path, *[GOOD] * 11, line), "supervised")


def _with(role: str, **fields: Any) -> str:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    for turn in turns:
        if turn["role"] == role:
            turn.update(fields)
    return json.dumps({"messages": turns})


@pytest.mark.parametrize(
    "line",
    [
        _with("assistant", refusal=None, tool_calls=None, function_call=None, audio=None, annotations=[]),
        _with("assistant", name=None, tool_calls=[]),
        _with("assistant", reasoning_content="", name=""),
        _with("assistant", weight=None),
        _with("user", name=None, tool_call_id=None),
        messages(("developer", "a"), ("user", "b"), ("assistant", "c")),
        json.dumps({**json.loads(GOOD), "tools": [], "parallel_tool_calls": None, "functions": None}),
    ],
)
def test_fields_that_say_nothing_are_taken(tmp_path: Path, line: str) -> None:
    [found] = training_file.read(write(tmp_path, line), "supervised", at_least=1).values()
    assert isinstance(found, TrainingExample)
    assert {message.role for message in found.messages} <= {"system", "user", "assistant"}
    assert [found.messages[index].weight for index in found.learned_turns] == [1]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (_with("assistant", refusal="I can't"), r"messages\[1\].refusal: extra"),
        (_with("assistant", tool_calls=[{"id": "1"}]), r"messages\[1\].tool_calls: extra"),
        (_with("user", name="Ann"), r"messages\[0\].name: extra"),
        (_with("assistant", reasoning_content="Hm."), r"messages\[1\].reasoning_content: extra"),
        (_with("assistant", content=None), r"messages\[1\].content: input should be a valid string"),
        (json.dumps({**json.loads(GOOD), "tools": [{"type": "function"}]}), "tools: extra"),
    ],
)
def test_fields_that_would_be_dropped_are_refused(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(training_file.TrainingFileError, match=f"^line 12: {fault}"):
        training_file.read(write(tmp_path, *[GOOD] * 11, line), "supervised")
