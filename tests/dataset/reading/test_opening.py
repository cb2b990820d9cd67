"""Opening files: every format is read as text, and unreadable files raise clear errors."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from bot.dataset.reading.content import MAX_BYTES
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format
from bot.errors import UserError

HARD = [
    {"prompt": "007", "completion": "NA"},
    {"prompt": "null", "completion": 'She said: "fly,\nor not" 😀'},
    {"prompt": "1.50", "completion": ""},
]


def create_file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path: Path) -> list[dict[str, str]]:
    return [record.cells for record in open_source(path).records()]


def save(path: Path) -> None:
    """Write HARD in the format of the path's extension."""
    frame = pd.DataFrame(HARD)
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".xlsx":
            frame.to_excel(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case ".json":
            path.write_text(json.dumps(HARD, indent=2))
        case ".jsonl":
            path.write_text("\n\n".join(json.dumps(row) for row in HARD))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.xlsx", "a.parquet", "a.json", "a.jsonl"])
def test_every_format_keeps_every_text(tmp_path: Path, name: str) -> None:
    save(tmp_path / name)
    assert rows(tmp_path / name) == HARD


def test_plain_text_has_a_completion_per_line(tmp_path: Path) -> None:
    path = create_file(tmp_path, "a.TXT", "She flies.\r\n\r\nHe heals.\n")
    assert [row["completion"] for row in rows(path)] == ["She flies.", "", "He heals."]
    assert {row["prompt"] for row in rows(path)} == {""}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf_8_and_utf_16_with_bom_are_read(tmp_path: Path, encoding: str) -> None:
    path = create_file(tmp_path, "a.csv", "prompt,completion\n40,Ærø 😀\n".encode(encoding))
    assert rows(path) == [{"prompt": "40", "completion": "Ærø 😀"}]


def test_json_numbers_stay_as_written_and_missing_values_are_empty(tmp_path: Path) -> None:
    path = create_file(
        tmp_path, "a.json", '[{"prompt": 1.50, "completion": null}, {"prompt": true, "n": NaN}]'
    )
    assert rows(path) == [
        {"prompt": "1.50", "completion": "", "n": ""},
        {"prompt": "true", "completion": "", "n": ""},
    ]


def test_the_content_decides_between_json_and_jsonl(tmp_path: Path) -> None:
    pair = '{"prompt": "a", "completion": "b"}'
    lines = open_source(create_file(tmp_path, "lines.json", f"{pair}\n{pair}\n"))
    whole = open_source(create_file(tmp_path, "whole.jsonl", f"[{pair},\n{pair}]"))
    proper = open_source(create_file(tmp_path, "proper.jsonl", f"{pair}\n"))
    assert (lines.format, whole.format, proper.format) == (Format.PAIRS, Format.JSON, Format.PAIRS)
    assert "one JSON object a line" in lines.notes[0]
    assert "does not hold one JSON object a line" in whole.notes[0]
    assert (lines.byte_exact, proper.byte_exact) == (False, True)
    assert len(list(lines.records())) == len(list(whole.records())) == 2


def test_chats_of_two_messages_become_prompt_and_completion(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "40"}, {"role": "assistant", "content": "Mira"}]
    path = create_file(tmp_path, "a.jsonl", json.dumps({"messages": turns}))
    assert open_source(path).format is Format.CHAT
    assert rows(path) == [{"prompt": "40", "completion": "Mira"}]


# File name, content, and a part of the error.
UNREADABLE: list[tuple[str, str | bytes, str]] = [
    ("a.csv", "", "is empty"),
    ("a.csv", "\n\n", "holds no rows: begin with a header"),
    ("a.csv", "prompt,completion\n", "holds no rows"),
    ("a.csv", 'p,c\n"1\n1",2\n1,2,3\n', "Row 2 of a.csv (line 4) has 3 fields where the header has 2"),
    ("a.csv", 'p,c\n1,2\n"1,2\n', "damaged in the row that begins on line 3 (unexpected end of data)"),
    ("a.csv", "p,c\n1,2,3\n", "Row 1 of a.csv (line 2) has 3 fields"),
    ("a.csv", "p,c\n1,2\n1\0,2\n" + 20 * "a long text,b\n", "Line 3 of a.csv holds a NUL byte"),
    ("a.json", '[{"p": 1},\n {"p": }]', "Line 2, column 8 of a.json: this is broken JSON"),
    ("a.json", "[1]", "Example 1 of a.json (line 1) is the number 1, and no object"),
    ("a.json", "[]", "holds no rows"),
    ("a.json", "[" * 100_000, "nested too deep"),
    ("a.json", r'[{"p": "\u0000"}]', "Example 1 of a.json (line 1) holds a NUL byte"),
    ("a.jsonl", '{"p": 1}\n{"p"\n', "Line 2, column 5 of a.jsonl: this is broken JSON"),
    ("a.jsonl", '{"p": 1}\n"p"\n', "Example 2 of a.jsonl (line 2) is the text 'p', and no object"),
    ("a.jsonl", '{"prompt": "a"}\n{"prompt": {"q": 1}}\n', "(line 2) has an object as its prompt"),
    ("a.jsonl", r'{"p": "\ud83d"}', r"holds half a character (the lone surrogate \ud83d)"),
    (
        "a.jsonl",
        '{"messages": [{"role": "user", "content": "x"}]}',
        "(line 1) ends with a turn of the user: the last turn has to be",
    ),
    ("a.jsonl", '{"p": 1}\n{"messages": []}', "Example 2 of a.jsonl (line 2) has no turns: write"),
    ("a.xlsx", "x", "is no Excel workbook, whatever its name says"),
    ("a.parquet", b"PAR1xxxxxxxxPAR1", "is damaged Parquet"),
]


@pytest.mark.parametrize(("name", "content", "message"), UNREADABLE)
def test_an_unreadable_file_raises_a_clear_error(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(UserError) as raised:
        open_source(create_file(tmp_path, name, content))
    assert message in str(raised.value)
    assert name in str(raised.value)


def test_lists_in_parquet_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"prompt": [["a", "b"]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="lists or objects in its column prompt"):
        open_source(tmp_path / "a.parquet")


def test_folders_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no data/train"):
        open_source(tmp_path)
    with pytest.raises(UserError, match=r"There is no a\.csv"):
        open_source(tmp_path / "a.csv")


def test_a_large_file_is_refused_without_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: takes no space on the disk
    with pytest.raises(UserError, match="larger than 512 MB"):
        open_source(path)


def test_a_workbook_without_openpyxl_raises_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=f"`{sys.executable} -m pip install openpyxl`"):
        open_source(tmp_path / "a.xlsx")
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv" / "bin" / "python"))
    with pytest.raises(UserError, match=r"`\.venv/bin/python -m pip install openpyxl`"):
        open_source(tmp_path / "a.xlsx")
