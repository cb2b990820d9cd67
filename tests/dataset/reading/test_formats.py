"""What is inside a file decides how it is read, not its name."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format
from tests.dataset.reading.support import CHATS, CSV, LINES, ROWS, cells_of, create_file, error_of, read

INDENTED = "\n".join(json.dumps(row, indent=2) for row in ROWS)
FRAME = pd.DataFrame(ROWS)


def parquet() -> bytes:
    stream = io.BytesIO()
    FRAME.to_parquet(stream)
    return stream.getvalue()


def workbook() -> bytes:
    stream = io.BytesIO()
    FRAME.to_excel(stream, index=False)
    return stream.getvalue()


def zipped(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(CSV)
        archive.addfile(entry, io.BytesIO(CSV.encode()))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("lines.txt", "\n".join(LINES), Format.PAIRS),
        ("lines.csv", "\n".join(LINES), Format.PAIRS),
        ("lines.ndjson", "\n".join(LINES), Format.PAIRS),
        ("lines", "\r\n\r\n".join(LINES), Format.PAIRS),
        ("chats.txt", "\n".join(CHATS), Format.CHAT),
        ("chats.data", "\n".join(CHATS), Format.CHAT),
        ("list.txt", json.dumps(ROWS), Format.JSON),
        ("list.jsonl", json.dumps(ROWS, indent=1), Format.JSON),
        ("table.txt", CSV, Format.CSV),
        ("table.json", CSV, Format.CSV),
        ("table.md", CSV, Format.CSV),
        ("tabs.txt", FRAME.to_csv(sep="\t", index=False), Format.TSV),
        ("indented.jsonl", INDENTED, Format.JSON),
        ("indented.json", "[" + INDENTED.replace("}\n{", "},\n{") + "]", Format.JSON),
        ("joined.jsonl", "".join(LINES), Format.JSON),
        ("commas.jsonl", ",\n".join(LINES), Format.JSON),
        ("lists.json", f"[{LINES[0]}]\n[{LINES[1]}, {LINES[2]}]", Format.JSON),
        ("table.csv", parquet(), Format.PARQUET),
        ("rows", parquet(), Format.PARQUET),
        ("book.csv", workbook(), Format.EXCEL),
        ("book.xls", workbook(), Format.EXCEL),
        ("rows.xlsx", CSV, Format.CSV),
    ],
)
def test_what_is_inside_decides(tmp_path: Path, name: str, content: str | bytes, form: Format) -> None:
    source = open_source(create_file(tmp_path, name, content))
    assert source.format is form
    assert cells_of(source) == ROWS


@pytest.mark.parametrize(
    "value",
    [
        {"data": ROWS},
        {"examples": ROWS},
        {"version": 1, "rows": ROWS},
        {"result": {"items": ROWS}},
        {"schema": {"fields": []}, "data": ROWS},
        {
            "columns": ["prompt", "completion"],
            "index": [0, 1, 2],
            "data": [list(row.values()) for row in ROWS],
        },
        {key: [row[key] for row in ROWS] for key in ("prompt", "completion")},
        json.loads(FRAME.to_json()),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_wrapped_examples_are_found(tmp_path: Path, value: object, indent: int | None) -> None:
    assert read(tmp_path, "a.json", json.dumps(value, indent=indent)) == ROWS


def test_keys_that_are_splits_become_the_split(tmp_path: Path) -> None:
    rows = read(
        tmp_path, "a.json", json.dumps({"train": ROWS[:1], "validation": ROWS[1:2], "test": ROWS[2:]})
    )
    assert rows == [{"split": "train", **ROWS[0]}, {"split": "valid", **ROWS[1]}]


def test_an_object_without_examples_is_told_by_its_keys(tmp_path: Path) -> None:
    path = create_file(tmp_path, "a.json", json.dumps({"model": {"x": 1}, "steps": [1, 2]}))
    assert "holds one object with the keys 'model', 'steps', and no list of examples" in error_of(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("5\n6\n", "is the number 5, and no object"),
        ('"a"', "is the text 'a', and no object"),
        ("null", "is null, and no object"),
        ("true\nfalse", "is true, and no object"),
        ("1" * 5_000, "is the number 11111111111111111111, and no object"),
        ("[[1], [2]]", "is a list, and no object"),
        ('["prompt", "completion"]\n["a", "b"]', "is the text 'prompt', and no object"),
        ('{"prompt": "a", "prompt": "b"}', "has the key 'prompt' twice"),
        ('{"Prompt": "a", "prompt ": "b"}', "columns of the same name ('Prompt' and 'prompt ')"),
    ],
)
def test_nothing_that_a_parser_takes_is_called_broken(tmp_path: Path, content: str, message: str) -> None:
    json.loads(content.split("\n", maxsplit=1)[0], parse_int=str)
    said = error_of(create_file(tmp_path, "a.json", content))
    assert message in said
    assert "broken" not in said


def test_odd_values_are_kept_as_they_are_written(tmp_path: Path) -> None:
    huge = "9" * 5_000
    content = f'{{"prompt": NaN, "completion": {huge}}}\n{{"prompt": -0.10, "completion": -Infinity}}'
    assert read(tmp_path, "a.jsonl", content) == [
        {"prompt": "", "completion": huge},
        {"prompt": "-0.10", "completion": "-Infinity"},
    ]


@pytest.mark.parametrize("content", ['{"a": 1', '{"a": 1}\n{"a"', '[{"a": 1}', "{'a': 1}", '{"a": tru}'])
def test_what_no_parser_takes_is_broken(tmp_path: Path, content: str) -> None:
    assert "broken JSON" in error_of(create_file(tmp_path, "a.json", content))


@pytest.mark.parametrize(
    "text", ["She flies.\n[waves]\n", "[Chorus] He, she\nthey\n", "{braces} first\n", "a;b\nc\n"]
)
def test_other_text_is_a_completion_a_line(tmp_path: Path, text: str) -> None:
    source = open_source(create_file(tmp_path, "a.txt", text))
    assert source.format is Format.TEXT
    assert cells_of(source) == [{"prompt": "", "completion": line} for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.gz", gzip.compress("\n".join(LINES).encode(), mtime=0)),
        ("a.jsonl", gzip.compress("\n".join(CHATS).encode(), mtime=0)),
        ("a.json.bz2", bz2.compress(json.dumps(ROWS).encode())),
        ("a.csv.xz", lzma.compress(CSV.encode())),
        ("a.parquet.gz", gzip.compress(parquet(), mtime=0)),
        ("a.zip", zipped({"rows.csv": CSV})),
        ("a.csv", zipped({"data/rows.jsonl": "\n".join(LINES), "__MACOSX/rows": "x"})),
        ("b.zip", zipped({"rows.xlsx": workbook()})),
        ("c.zip", zipped({"rows.parquet": parquet()})),
    ],
)
def test_packed_files_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    source = open_source(create_file(tmp_path, name, content))
    assert cells_of(source) == ROWS
    assert "unpacked" in source.notes[0] or "only file" in source.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", zipped({"one": "x", "two": "y"}), "an archive with 2 files (one, two): unpack it"),
        ("a.zip", zipped({}), "an archive with no file"),
        ("a.tar.gz", tarred(), "is a tar archive"),
        ("a.zip", zipped({"a.zip": zipped({"b": "x"})}), "is another archive"),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-20], "is damaged"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.ods", zipped({"mimetype": "x", "content.xml": "<x/>"}), "an OpenDocument file: save the sheet"),
        ("a.csv", zipped({"word/document.xml": "<x/>"}), "a Word document"),
        ("a.csv", b"%PDF-1.7 \xe2\xe3", "is a PDF document"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Office document (.xls, .doc)"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "is a picture"),
        ("a.jsonl", b"\x80\x04\x95\0\0\0", "is a Python pickle"),
        ("a.parquet", b"ARROW1\0\0\xff\xff", "is an Arrow file"),
        ("a.csv", bytes(range(256)) * 9, "is no text"),
        ("a.csv", b"<!DOCTYPE html><html>Not found", "is a web page"),
        ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    said = error_of(create_file(tmp_path, name, content))
    assert message in said
    assert "iconv" not in said
    assert "UTF-8" not in said


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.dataset.reading import content

    monkeypatch.setattr(content, "MAX_BYTES", 1_000_000)
    packed = gzip.compress(b"a" * 2_000_000)
    for name, data in {"a.gz": packed, "a.zip": zipped({"a": b"a" * 2_000_000})}.items():
        assert "or unpacks to that" in error_of(create_file(tmp_path, name, data))


def test_conversations(tmp_path: Path) -> None:
    system = {"role": "developer", "content": "Be brief."}
    user = {"role": "user", "content": "18"}
    answer = {"role": "assistant", "content": "He.", "weight": 1, "tool_calls": None}
    parts = {
        "role": "assistant",
        "content": [{"type": "text", "text": "He"}, {"type": "text", "text": " is."}],
    }
    source = open_source(
        create_file(
            tmp_path,
            "a.jsonl",
            "\n".join(json.dumps({"messages": turns}) for turns in ([system, user, answer], [user, parts])),
        )
    )
    assert cells_of(source) == [
        {"prompt": "18", "completion": "He.", "system": "Be brief."},
        {"prompt": "18", "completion": "He is.", "system": ""},
    ]
    assert source.deviations == ("Example 2 of a.jsonl (line 2) has a list of parts as content.",)
    trl = json.dumps({"prompt": [user], "completion": [answer]})
    assert read(tmp_path, "trl.jsonl", trl) == [{"prompt": "18", "completion": "He."}]


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (
            '{"role": "user", "content": null}, {"role": "assistant", "content": "a"}',
            "null as the user's content",
        ),
        ('{"role": "user"}, {"role": "assistant", "content": "a"}', "null as the user's content"),
        ('{"role": "user", "content": {}}, {"role": "assistant", "content": "a"}', "an object or a list as"),
        (
            '{"role": "assistant", "content": "a"}',
            "has no turn of the user: the assistant's answer needs one",
        ),
        (
            '{"role": "user", "content": "a"}, {"role": "user", "content": "b"}',
            "ends with a turn of the user: the last turn has to be the assistant's answer.",
        ),
        (
            '{"role": "narrator", "content": "a"}, {"role": "assistant", "content": "b"}',
            "has the role 'narrator' in turn 1 of its conversation, which nothing reads. A role is user, ",
        ),
        ('{"role": "user", "content": "a"}, {"role": null, "content": "b"}', "has the role 'None' in turn 2"),
        ('{"role": "user", "content": "a"}, {"content": "b"}', "has no role in turn 2 of its conversation."),
        ('{"role": "user", "content": "a"}, "b"', "messages that are no list"),
        (
            ", ".join(f'{{"role": "{role}", "content": "a"}}' for role in ("user", "assistant") * 2),
            "is a conversation of 4 turns (user, assistant, user, assistant). Of this form, one turn of the",
        ),
        (
            '{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}',
            "of weight 0",
        ),
        *(
            (
                (
                    '{"role": "user", "content": "a"}, '
                    f'{{"role": "assistant", "content": "b", "weight": {weight}}}'
                ),
                "whose weight is neither 0 nor 1",
            )
            for weight in ('"x"', "2", "0.5", "-1", "[1]", '{"a": 1}')
        ),
    ],
)
def test_a_conversation_that_cannot_be_read_is_named(tmp_path: Path, turns: str, message: str) -> None:
    said = error_of(create_file(tmp_path, "a.jsonl", f'{CHATS[0]}\n\n{{"messages": [{turns}]}}'))
    assert said.startswith("Example 2 of a.jsonl (line 3)")
    assert message in said
