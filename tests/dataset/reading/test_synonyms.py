"""Other usual names of columns are read as prompt, completion and response_txt, and it is said."""

import json
from pathlib import Path

import pytest

from bot.dataset.reading.opening import open_source


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("question,answer", ("prompt", "completion")),
        ("Question,Answer", ("prompt", "completion")),
        ("instruction,output", ("prompt", "completion")),
        ("query,response", ("prompt", "completion")),
        ("input,output", ("prompt", "completion")),
        ("prompt,response", ("prompt", "completion")),
        ("prompt,text", ("prompt", "completion")),
        ("question,completion", ("prompt", "completion")),
        ("age,gender,power,description", ("age", "gender", "power", "response_txt")),
        ("age,gender,power,text", ("age", "gender", "power", "response_txt")),
        ("prompt,completion,text", ("prompt", "completion", "text")),
        ("age,gender,power,response_txt,text", ("age", "gender", "power", "response_txt", "text")),
        ("hero,completion", ("hero", "completion")),
        ("text,label", ("text", "label")),
        ("question,label", ("question", "label")),
    ],
)
def test_columns_get_the_names_that_check_and_import_look_for(
    tmp_path: Path, header: str, columns: tuple[str, ...]
) -> None:
    path = tmp_path / "own.csv"
    row = ",".join(f"cell {name}" for name in header.split(","))
    path.write_text(f"{header}\n{row}\n{row}\n")
    source = open_source(path)
    assert source.columns == columns
    for record in source.records():
        assert list(record.cells.values()) == row.split(",")
    renamed = [new for old, new in zip(header.split(","), columns, strict=True) if old.lower() != new]
    assert len([note for note in source.notes if "is read as" in note]) == len(renamed)


def test_an_instruction_goes_on_in_its_input(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Add.", "input": "1+1", "output": "2"},
        {"instruction": "Greet.", "input": "", "output": "Hello."},
    ]
    path = tmp_path / "alpaca.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    source = open_source(path)
    cells = [record.cells for record in source.records()]
    assert [(each["prompt"], each["completion"]) for each in cells] == [
        ("Add.\n\n1+1", "2"),
        ("Greet.", "Hello."),
    ]
    assert "The column 'input' is read as the rest of the prompt." in source.notes
