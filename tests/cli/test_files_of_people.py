"""Files as people have them, through `herosmith dataset check` and `import`, from end to end.

Each holds twelve heroes of 18 to 29 years. What check recommends is run as printed.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from bot.command_line import cli
from bot.dataset.files.hero_rows import read_hero_rows
from engine.jobs import training_file
from tests.cli.test_recommendation import VOCABULARY, check, recommended
from tests.dataset.files.test_import import AGES, TEXTS
from tests.support.databases import ON_POSTGRES, Databases, database_variables

Content = str | bytes | Callable[[Path], object]

HEADER = "age,gender,power,response_txt"
FIRST = ("18, man, ice ->", TEXTS[0])
ROWS = list(zip(AGES, TEXTS, strict=True))


def csv(row: str = '"{}, man, ice ->","{}"', header: str = "prompt,completion", end: str = "\n") -> str:
    return end.join([header, *(row.format(age, text) for age, text in ROWS), ""])


def heroes(row: str = "{},man,ice,{}", header: str = HEADER, end: str = "\n") -> str:
    return csv(row, header, end)


def objects(prompt: str = "{}, man, ice ->", text: str = "{}") -> list[dict[str, str]]:
    return [{"prompt": prompt.format(age), "completion": text.format(each)} for age, each in ROWS]


def chats(**answer: object) -> list[dict[str, object]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"{age}, man, ice ->"},
                {"role": "assistant", "content": text, **answer},
            ]
        }
        for age, text in ROWS
    ]


def lines(values: Sequence[Mapping[str, object]], end: str = "\n") -> str:
    return end.join([*map(json.dumps, values), ""])


def changed(values: list[dict[str, object]], at: int, role: int, content: object) -> str:
    values[at]["messages"][role]["content"] = content  # type: ignore[index]
    return lines(values)


def sharegpt() -> str:
    turns = [[("human", f"{age}, man, ice"), ("gpt", text)] for age, text in ROWS]
    return json.dumps(
        [{"conversations": [{"from": who, "value": said} for who, said in two]} for two in turns]
    )


def workbook(path: Path) -> None:
    """Titles above the header, remarks beside the table, numbers as fractions, and Excel's line ends."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Our heroes"])
    sheet.append(["Age ", "Gender", "POWER", "Response_txt"])
    for age, text in ROWS:
        sheet.append([float(age), "man", "ice", text.replace(".", "._x000D_\nThe end."), None, "a remark"])
    book.save(path)


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, csv())
    return data.getvalue()


def folder(path: Path) -> None:
    frame = pd.DataFrame(objects())
    (path / "data").mkdir(parents=True)
    frame[:10].to_parquet(path / "data/train-00000-of-00001.parquet")
    frame[10:11].to_parquet(path / "data/validation-00000-of-00001.parquet")
    frame[11:].to_parquet(path / "data/test-00000-of-00001.parquet")


UNFORTUNATELY = csv('"{}, man, ice ->","Unfortunately {}"').replace("Unfortunately", "Unfortunate", 1)

TAKEN: list[tuple[str, Content, tuple[str, str]]] = [
    ("train.txt", lines(objects(text=" {} END")), FIRST),
    ("csv.txt", csv(), FIRST),
    ("indented.jsonl", "".join(json.dumps(each, indent=2) + "\n" for each in objects()), FIRST),
    ("wrapper.json", json.dumps({"version": 1, "data": objects()}), FIRST),
    ("bom.jsonl", b"\xef\xbb\xbf" + lines(chats()).encode(), FIRST),
    ("utf16.jsonl", lines(chats()).encode("utf-16"), FIRST),
    ("cr.jsonl", lines(chats(), end="\r"), FIRST),
    ("number.jsonl", changed(chats(), 3, 1, 5), FIRST),
    ("weight.jsonl", lines(chats(weight=1)), FIRST),
    ("nulls.jsonl", lines(chats(name=None, tool_calls=None, refusal=None)), FIRST),
    ("blank after comma.csv", csv('"{}, man, ice ->", "{}"', "prompt, completion"), FIRST),
    ("blank after commas.csv", heroes("{}, man, ice, {}", HEADER.replace(",", ", ")), FIRST),
    ("semicolons.csv", csv("{}, man, ice ->;{}", "prompt;completion"), FIRST),
    ("cr.csv", heroes(end="\r"), FIRST),
    ("crcrlf.csv", heroes(end="\r\r\n"), FIRST),
    ("nameless.csv", heroes("{},man,ice,{},,", f"{HEADER},,"), FIRST),
    ("fractions.csv", heroes("{}.0,man,ice,{}"), FIRST),
    ("blanks.csv", heroes(" {} ,man , ice,{}"), FIRST),
    ("book.xlsx", workbook, (FIRST[0], f"{TEXTS[0]}\nThe end.")),
    ("really a book.csv", workbook, (FIRST[0], f"{TEXTS[0]}\nThe end.")),
    ("unfortunately.csv", UNFORTUNATELY, (FIRST[0], f"Unfortunate {TEXTS[0]}")),
    ("old.csv", csv('"{}, man, ice ->"," {} END"'), FIRST),
    ("old.jsonl", lines(objects("{}, man, ice\n\n###\n\n", " {} END")), FIRST),
    ("header again.csv", csv() + "\ufeffprompt,completion\n", FIRST),
    (
        "cp1252.csv",
        csv().replace("skaters", "Müller").encode("cp1252"),
        (FIRST[0], "He freezes lakes for Müller."),
    ),
    ("-30c.csv", csv(), FIRST),
    ('it\'s "30 °C" ☃.csv', csv(), FIRST),
    ("sharegpt.json", sharegpt(), FIRST),
    ("thoughts.csv", csv('"{0}, man, ice","<think>He is {0}.</think>\n\n{1}"'), FIRST),
    ("markdown.md", csv("| {}, man, ice | {} |", "| prompt | completion |\n| --- | --- |"), FIRST),
    ("one.zip", zipped("a.csv", "__MACOSX/._a.csv"), FIRST),
    ("packed.csv.gz", gzip.compress(csv().encode()), FIRST),
    ("table.parquet", lambda path: pd.DataFrame(objects()).to_parquet(path), FIRST),
]

REFUSED: list[tuple[str, Content, str]] = [
    ("null.jsonl", changed(chats(), 3, 0, None), "Example 4 of null.jsonl (line 4) has null as the user's"),
    (
        "no age.csv",
        heroes().replace("23,man", ",man"),
        "Row 6 of no age.csv (line 7), ', man, ice': The age is",
    ),
    (
        "no power.csv",
        heroes().replace("23,man,ice", "23,man,"),
        "Row 6 of no power.csv (line 7), '23, man, ': The p",
    ),
    (
        "sub.csv",
        heroes('{},man,ice,{},"99, woman, ice"', f"{HEADER},sub_prompt"),
        "Row 1 of sub.csv (line 2): '18, m",
    ),
    ("no age.csv", csv('"0{0}, {0}",{0}'), "Row 1 of no age.csv (line 2), '018, 18': The "),
    ("long.csv", csv() + "x" * 1_000_001, "line 14 holds a field of more than 1,000,000 characters"),
    ("quoted lines.csv", csv('"""{}, man, ice"",""{}"""', '"prompt,completion"'), "in quotes as a whole"),
    (
        "macroman.csv",
        csv(end="\r").replace("lakes", "Café").encode("mac-roman"),
        "Line 2 of macroman.csv is not",
    ),
    ("labels.json", lines([{"question": "a", "label": "b"}]), "has question, label. It needs"),
    (
        "dpo.jsonl",
        lines([{"preferred_output": []}] * 2),
        "lists and objects under 'preferred_output' are not read",
    ),
    (
        "heroes.yaml",
        "- prompt: 18, man, ice\n  completion: He.\n",
        "heroes.yaml is YAML: save its examples as",
    ),
    ("comments.json", "// ours\n" + json.dumps(objects()), "take the comments out"),
    ("two.zip", zipped("a.csv", "b.csv"), "two.zip is an archive with 2 files (a.csv, b.csv): unpack it"),
    ("header.csv", HEADER, "header.csv holds no rows: choose a file with rows in it."),
    ("\x1b[31mred.csv", csv(), "has control characters: rename the file or its folder."),
    (
        b"\xff\xfe.csv".decode(errors="surrogateescape"),
        csv(),
        r"The name \xff\xfe.csv is not in UTF-8: rename",
    ),
]


@pytest.fixture(scope="module")
def shared_data(tmp_path_factory: pytest.TempPathFactory, session_databases: Databases) -> dict[str, str]:
    """One database for all imports: to make it takes longer than they do. Return its variables."""
    data_dir = tmp_path_factory.mktemp("var")
    own = database_variables(session_databases.empty(data_dir)) if ON_POSTGRES else {}
    return {"DATA_DIR": str(data_dir), **own}


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, shared_data: dict[str, str]) -> None:
    """For each test anew: settings of a module's fixture are taken away with those from outside."""
    for name, value in shared_data.items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(cli, arguments)
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def create(name: str, content: Content) -> Path:
    path = Path(name)
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(("name", "content", "first"), TAKEN, ids=[name for name, *_ in TAKEN])
def test_what_people_have_is_taken_by_check_and_import_alike(
    name: str, content: Content, first: tuple[str, str]
) -> None:
    path = create(name, content)
    command = recommended(check(f"./{name}").output)
    assert "11 texts to learn from, 1 kept aside to test the model." in run(*command).output
    for taken in (Path(command[-1]), path):
        row = read_hero_rows(taken, VOCABULARY).rows[0]
        assert (row.tuning_prompt, row.response_txt) == first
    assert len(training_file.read(Path(command[-1]), "supervised")) == 12


@pytest.mark.parametrize(("name", "content", "sentence"), REFUSED, ids=[ascii(name) for name, *_ in REFUSED])
def test_what_cannot_train_is_refused_with_what_to_do(name: str, content: Content, sentence: str) -> None:
    create(name, content)
    checked = check(f"./{name}")
    assert recommended(checked.output) == []
    assert sentence in checked.output
    imported = run("dataset", "import", f"./{name}")
    assert imported.exit_code == 1
    assert sentence in imported.output


def test_a_folder_keeps_its_split_and_names_what_is_not_read() -> None:
    folder(Path("heroes"))
    checked = check("heroes")
    command = recommended(checked.output)
    assert command == ["dataset", "import", "heroes"]
    imported = run(*command)
    for done in (checked, imported):
        assert "Not read: data/test-00000-of-00001.parquet (1 row)." in done.output
    assert "10 texts to learn from, 1 kept aside to test the model." in imported.output


def test_a_column_says_what_is_held_out() -> None:
    split = ["train"] * 9 + ["Validation"] * 3
    pd.DataFrame(objects()).assign(Split=split).to_csv("split.csv", index=False)
    held_out = [
        row.sub_prompt for row in read_hero_rows(Path("split.csv"), VOCABULARY).rows if row.split == "valid"
    ]
    assert held_out == ["27, man, ice", "28, man, ice", "29, man, ice"]
    assert (
        "9 texts to learn from, 3 kept aside to test the model."
        in run("dataset", "import", "split.csv").output
    )


def test_what_a_crowded_grid_holds_out_is_told() -> None:
    rows = [
        {"prompt": f"120, woman, {power}", "completion": text}
        for text in TEXTS[:6]
        for power in ("ice", "fire")
    ]
    pd.DataFrame(rows).assign(completion=TEXTS).to_csv("two.csv", index=False)
    assert "6 to learn from and 6 kept aside" in check("two.csv").output
    assert "6 to learn from and 6 kept aside" in run("dataset", "import", "two.csv").output


def test_a_name_too_long_for_the_prepared_file_asks_for_another() -> None:
    name = f"{'x' * 250}.csv"
    create(name, csv())
    done = check(name)
    assert done.exit_code == 1
    assert "Name another file with --out." in done.stderr
    assert "12 examples" in check(name, "--out", "short.jsonl").output
