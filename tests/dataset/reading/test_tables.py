"""CSV and workbooks as spreadsheets and programs write them."""

import io
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Unread
from bot.errors import UserError
from tests.dataset.reading.support import CSV, ROWS, cells_of, create_file, error_of, read

HEROES = "age,gender,power,response_txt\n18,man,ice,He cools.\n19,man,fire,He heats.\n"
HERO_ROWS = [
    {"age": "18", "gender": "man", "power": "ice", "response_txt": "He cools."},
    {"age": "19", "gender": "man", "power": "fire", "response_txt": "He heats."},
]
SIMPLE = [("18", "He cools."), ("19", "He heats, too."), ("20", "He")]


def written(
    separator: str = ",", opening: str = '"', closing: str = '"', blank: str = "", end: str = "\n"
) -> str:
    """Return SIMPLE as a table with every text in quotes."""
    rows = [("prompt", "completion"), *SIMPLE]
    return "".join(
        f"{separator}{blank}".join(f"{opening}{cell}{closing}" for cell in row) + end for row in rows
    )


@pytest.mark.parametrize(
    "content",
    [
        written(";"),
        written("\t"),
        written("|"),
        "sep=;\n" + written(";"),
        "sep=,\r\n" + written(end="\r\n"),
        '"sep=^"\n' + written("^"),
        written(blank=" "),
        written(";", blank=" "),
        written(end="\r"),
        written(";", end="\r"),
        written(opening="'", closing="'"),
        written(opening="“", closing="”"),
        written(";", "„", "“"),
        written(opening="«", closing="»", blank=" "),
        "# made by hand\n" + written(),
        "Heroes of 2023\n\n" + written(),
        "Heroes of 2023,\n,\n" + written(),
        "# one, two, three\n#\n" + written(),
        written().replace('"20"', '# the rest\n"20"'),
        written() + '"prompt","completion"\n',
        written().replace('"20"', 'prompt,completion\n"20"'),
        written().replace('"20"', ' Prompt ,COMPLETION\n"20"'),
        written().replace("prompt", " Prompt ").replace("completion", "COMPLETION"),
        written(end=",,\n"),
        written() + ",\n , \n",
        "\ufeff" + written(),
        ",prompt,completion\n" + "".join(f'{at},{p},"{c}"\n' for at, (p, c) in enumerate(SIMPLE)),
        "prompt,completion\n" + "".join(f'{at},{p},"{c}"\n' for at, (p, c) in enumerate(SIMPLE, 1)),
        "prompt,,completion\n" + "".join(f'{p},note,"{c}"\n' for p, c in SIMPLE),
    ],
)
def test_tables_are_read_as_people_write_them(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "a.csv", content) == [{"prompt": p, "completion": c} for p, c in SIMPLE]


def test_backslashes_before_quotes(tmp_path: Path) -> None:
    content = 'prompt,completion\n"18","He said \\"no\\", twice."\n"19","A path: C:\\new"\n"20","\\\\"\n'
    assert [row["completion"] for row in read(tmp_path, "a.csv", content)] == [
        'He said "no", twice.',
        "A path: C:\\new",
        "\\",
    ]


@pytest.mark.parametrize(
    ("content", "completions"),
    [
        ("prompt,completion\n1, a\n2,b\n", [" a", "b"]),
        ('prompt,completion\n1," a "\n2,"b ""c"""\n', [" a ", 'b "c"']),
        ("prompt,completion\n1,'a'\n2,“b”\n", ["'a'", "“b”"]),
        ("prompt,completion\n1,a\\n\n2,\\\n", ["a\\n", "\\"]),
        ("prompt,completion\n1,#a\n#2,b\n", ["#a", "b"]),
        ('prompt,completion\n1,"a\rb"\n2,a\rb\n3,"a\r\nb"\n', ["a\rb", "a\rb", "a\r\nb"]),
        ("prompt,completion\n1,prompt\ncompletion,prompt\n", ["prompt", "prompt"]),
        ("prompt;completion\n1;a, b\n", ["a, b"]),
    ],
)
def test_texts_stay_as_they_are_if_nothing_else_is_certain(
    tmp_path: Path, content: str, completions: list[str]
) -> None:
    assert [row["completion"] for row in read(tmp_path, "a.csv", content)] == completions


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CSV + "20, man, ice ->,He.\n", "Row 4 of a.csv (line 5) has 4 fields where the header has 2"),
        (CSV + "alone\n", "Row 4 of a.csv (line 5) has 1 field where the header has 2"),
        (
            HEROES + "20,man,ice,He cools, then.\n",
            "Row 3 of a.csv (line 4) has 5 fields where",
        ),
        ("prompt;completion\n1;2;3\n1;2\n", "Row 1 of a.csv (line 2) has 3 fields where the header has 2"),
        (CSV + '"20, man, ice ->","He "cools".\n', "damaged in the row that begins on line 5"),
        ("prompt,completion\n'1, 2','3'\n4,5,'6'\n", "(line 2) has 3 fields where the header has 2"),
        ("prompt,completion,Prompt\n1,2,3\n", "columns of the same name ('prompt' and 'Prompt')"),
        (
            "prompt, completion ,completion\n1,2,3\n",
            "(' completion ' and 'completion')",
        ),
        ("id,note,note\n1,2,3\n", "columns of the same name ('note' and 'note')"),
    ],
)
def test_a_table_that_is_not_certain_is_refused_with_row_and_fields(
    tmp_path: Path, content: str, message: str
) -> None:
    said = error_of(create_file(tmp_path, "a.csv", content))
    assert message in said
    assert "every column" not in said


def test_what_is_left_out_of_a_table_is_noted(tmp_path: Path) -> None:
    content = "Heroes,,,\n,prompt,completion,\n0,a,b,\n,prompt,completion,\n# remark\n1,c,d,\n"
    source = open_source(create_file(tmp_path, "a.csv", content))
    assert cells_of(source) == [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]
    assert source.notes == (
        "The row above the header is left out.",
        "The header stands again in line 4, and is left out there.",
        "1 comment is left out.",
        "Column 1 has no name and numbers the rows; it is left out.",
    )
    assert [record.location for record in source.records()] == [
        "Row 1 of a.csv (line 3)",
        "Row 4 of a.csv (line 6)",
    ]
    odd = open_source(create_file(tmp_path, "b.csv", ",prompt,completion\nx,a,b\n"))
    assert odd.notes == ("Column 1 has no name, and is not read.",)


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [
        (" Age ", "age"),
        ("POWER", "power"),
        ("\u00a0Response_TXT", "response_txt"),
        ("\ufeffSplit", "split"),
        ("Sub_Prompt\u200b", "sub_prompt"),
        (" My Note ", "My Note"),
    ],
)
def test_known_names_are_read_in_any_case(tmp_path: Path, written_as: str, read_as: str) -> None:
    for name, content in {
        "a.csv": f"x,{written_as}\n1,train\n2,train\n",
        "a.json": f'[{{"x": "1", "{written_as}": "train"}}]',
    }.items():
        assert open_source(create_file(tmp_path, name, content)).columns == ("x", read_as)
    pd.DataFrame({"x": ["1"], written_as: ["train"]}).to_parquet(tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").columns == ("x", read_as)


def book(**sheets: list[list[object]]) -> bytes:
    workbook, stream = openpyxl.Workbook(), io.BytesIO()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(stream)
    return stream.getvalue()


TABLE: list[list[object]] = [["prompt", "completion"], ["a", "b"], ["c", None]]


@pytest.mark.parametrize(
    ("sheets", "unread"),
    [
        ({"one": TABLE}, ()),
        ({"cover": [["Heroes"], ["of", "2023"]], "data": TABLE}, (Unread("sheet 'cover'", 2),)),
        ({"empty": [], "data": TABLE, "more": TABLE}, (Unread("sheet 'more'", 3),)),
        ({"data": [["Our heroes"], [], *TABLE]}, ()),
        ({"data": [[" Prompt", "COMPLETION "], *TABLE[1:]]}, ()),
        ({"data": [*TABLE[:2], [None, None], *TABLE]}, ()),
        ({"names": TABLE[:1], "data": TABLE}, (Unread("sheet 'names'", 1),)),
    ],
)
def test_the_sheet_with_the_table_is_read(
    tmp_path: Path, sheets: dict[str, list[list[object]]], unread: tuple[Unread, ...]
) -> None:
    source = open_source(create_file(tmp_path, "a.xlsx", book(**sheets)))
    rows = [tuple(cells.values()) for cells in cells_of(source)]
    assert rows[-1] == ("c", "")
    assert set(rows) == {("a", "b"), ("c", "")}
    assert source.unread == unread


def test_a_workbook_without_rows_names_its_sheets(tmp_path: Path) -> None:
    path = create_file(tmp_path, "a.xlsx", book(names=TABLE[:1], other=[["x"]]))
    with pytest.raises(UserError, match=r"holds no rows below names of columns \(sheets: 'names', 'other'\)"):
        open_source(path)


def test_empty_rows_between_others_are_counted_and_named(tmp_path: Path) -> None:
    content = "prompt,completion\n,\na,b\n , \n\n,\nc,d\n,\n,\n"
    source = open_source(create_file(tmp_path, "a.csv", content))
    assert source.notes == ("3 rows are empty and left out: line 2, 4, 6.",)
    assert [record.line for record in source.records()] == [3, 7]
    sheet = book(data=[["Title"], [], *TABLE[:2], [None, None], *TABLE[2:], [None, None]])
    found = open_source(create_file(tmp_path, "b.xlsx", sheet))
    assert "1 row is empty and left out: sheet row 5." in found.notes
    assert [record.line for record in found.records()] == [4, 6]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (18, "18"),
        (18.0, "18"),
        (1.5, "1.5"),
        (True, "TRUE"),
        ("007", "007"),
        ("NA", "NA"),
        ("a_x000D_\nb", "a\nb"),
        ("a_x000d_b", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("tab_x0009_", "tab\t"),
        ("_x005F_x000D_", "_x000D_"),
        ("_x0041_ and max_x1", "_x0041_ and max_x1"),
    ],
)
def test_cells_of_a_workbook(tmp_path: Path, value: object, text: str) -> None:
    content = book(data=[["prompt", "completion"], ["a", value]])
    assert read(tmp_path, "a.xlsx", content) == [{"prompt": "a", "completion": text}]


def test_the_products_own_rows_are_what_the_support_says(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", CSV) == ROWS
    assert read(tmp_path, "a.csv", HEROES) == HERO_ROWS


@pytest.mark.parametrize("blank", [",,\n", " , ,\n,,\n", '"","",""\n'])
def test_blank_rows_above_a_header_of_other_names_are_left_out(tmp_path: Path, blank: str) -> None:
    rows = read(tmp_path, "a.csv", f"{blank}hero,prompt,\nAda,18 man ice,\n")
    assert rows == [{"hero": "Ada", "prompt": "18 man ice"}]


@pytest.mark.parametrize("content", [",,\n,,\n", " , \n", "#,,\n,,\n"])
def test_blank_rows_alone_are_no_rows(tmp_path: Path, content: str) -> None:
    assert "holds no rows" in error_of(create_file(tmp_path, "a.csv", content))
