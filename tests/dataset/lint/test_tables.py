"""Reading tables: every format is read as text, and unreadable files raise clear errors."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from bot.dataset.lint import tables
from bot.dataset.lint.tables import TableFormat, read_table
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
    return read_table(path).frame.to_dict("records")  # type: ignore[return-value]  # columns are words


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
    lines = read_table(create_file(tmp_path, "lines.json", f"{pair}\n{pair}\n"))
    whole = read_table(create_file(tmp_path, "whole.jsonl", f"[{pair},\n{pair}]"))
    proper = read_table(create_file(tmp_path, "proper.jsonl", f"{pair}\n"))
    assert (lines.format, whole.format, proper.format) == (
        TableFormat.JSON,
        TableFormat.JSON,
        TableFormat.PAIRS,
    )
    assert "one object a line" in lines.notes[0]
    assert "one JSON list" in whole.notes[0]
    assert len(lines.frame) == len(whole.frame) == 2


def test_chats_of_two_messages_become_prompt_and_completion(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "40"}, {"role": "assistant", "content": "Mira"}]
    table = read_table(create_file(tmp_path, "a.jsonl", json.dumps({"messages": turns})))
    assert table.format is TableFormat.CHAT
    assert table.frame.to_dict("records") == [{"prompt": "40", "completion": "Mira"}]


def test_the_first_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame(HARD).to_excel(book, sheet_name="heroes", index=False)
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="notes")
    table = read_table(tmp_path / "a.xlsx")
    assert "2 sheets; only the first, 'heroes'" in table.notes[0]
    assert table.frame.to_dict("records") == HARD


# File name, content, and a part of the error.
UNREADABLE: list[tuple[str, str | bytes, str]] = [
    ("a.doc", "x", "has no extension that is known here"),
    ("a.csv", "", "is empty"),
    ("a.csv", "\n\n", "nothing but blank lines"),
    ("a.csv", "prompt,completion\n", "holds no examples"),
    ("a.csv", 'p,c\n"1\n1",2\n1,2,3\n', "row 3 (the header is row 1) has 3 fields in place of 2"),
    ("a.csv", 'p,c\n1,2\n"1,2\n', "mark in row 3 (the header is row 1) is never closed"),
    ("a.csv", "p,c\n1,2,3\n", "more fields than its header"),
    ("a.csv", "p,c\n1,2\n1\0,2\n", "line 3: there is a NUL byte"),
    ("a.csv", "p,c\na,b\n".encode("utf-16-le"), "UTF-16 without its mark"),
    (
        "a.csv",
        ("p,c\n" + 5 * "Müller fährt schön über die Straße,ja\n").encode("cp1252"),
        "not UTF-8 but may",
    ),
    ("a.json", '[{"p": 1},\n {"p": }]', "line 2, column 8: this is broken JSON"),
    ("a.json", '{\n"p": 1}', "line 1, column 2: this is broken JSON"),
    ("a.json", "[1]", "object 1: this is no object"),
    ("a.json", "[]", "holds no examples"),
    ("a.json", "[" * 100_000, "nested too deep"),
    ("a.json", r'[{"p": "\u0000"}]', "column 'p' holds a NUL character"),
    ("a.jsonl", '{"p": 1}\n{"p"\n', "line 2, column 5: this is broken JSON"),
    ("a.jsonl", '{"p": 1}\n"p"\n', "line 2: this is no object"),
    ("a.jsonl", '{"p": 1}\n{"p": {"q": 1}}\n', "line 2: a value is a list or an object"),
    ("a.jsonl", r'{"p": "\ud83d"}', r"line 1: \ud83d is half a character"),
    ("a.jsonl", '{"messages": [{"role": "user", "content": "x"}]}', "only conversations of two messages"),
    ("a.jsonl", '{"p": 1}\n{"messages": []}', "line 2: some objects are conversations"),
    ("a.xlsx", "x", "cannot be read as an Excel workbook"),
    ("a.parquet", b"PAR1xxxxxxxxPAR1", "is damaged"),
]


@pytest.mark.parametrize(("name", "content", "message"), UNREADABLE)
def test_an_unreadable_file_raises_a_clear_error(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(UserError) as raised:
        read_table(create_file(tmp_path, name, content))
    assert message in str(raised.value)
    assert str(tmp_path / name) in str(raised.value)


def test_lists_in_parquet_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"prompt": [["a", "b"]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="column 'prompt' holds lists"):
        read_table(tmp_path / "a.parquet")


def test_folders_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(UserError, match="There is no file"):
        read_table(tmp_path / "a.csv")


def test_a_large_file_is_refused_without_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(tables.MAX_BYTES + 1)  # sparse: takes no space on the disk
    with pytest.raises(UserError, match="at most 537 MB are read"):
        read_table(path)


def test_a_workbook_without_openpyxl_raises_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match="pip install openpyxl"):
        read_table(tmp_path / "a.xlsx")
