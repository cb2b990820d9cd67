"""Datasets as files: writing and reading lose nothing, and unreadable files raise clear errors."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, get_args

import pandas as pd
import psutil
import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from bot.chat import CONTROL_TOKEN
from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.formats import FileFormat, write_rows
from bot.dataset.files.hero_rows import read_hero_rows, without_thinking
from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, Row, values_of
from bot.dataset.reading.opening import open_source
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.settings import ROOT

T = TypeVar("T")
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
NAMES = {"article": "rows.csv", "prepared": "rows.csv", "csv": "rows.csv", "huggingface": "rows"}

CONFIG = read_heroes(ROOT / "data" / "heroes.toml")
INVISIBLE = ("18", "man", "invisibility")
ONE = Row(INVISIBLE, "Imagine ...", "18, man, invisibility", "He hides.", "stop", "train")

hard = [
    "007",
    "NA",
    "null",
    "nan",
    "",
    " a ",
    '"',
    'a "b", c',
    "a,b",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "\r",
    "\n",
    "🦸",
]
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
anything = st.text(characters).filter(lambda text: not CONTROL_TOKEN.search(text))  # which import refuses
texts = st.sampled_from([*hard, "\ufeff", "\u2028", "\x1a", "'", "a ->", " END"]) | anything
powers = st.sampled_from(["na", "null", "007", "nan", "read in the thoughts", "grüne élan"])


@st.composite
def rows(draw: st.DrawFn) -> Row:
    age, gender, power = (
        str(draw(st.integers(18, 120))),
        draw(st.sampled_from(["man", "woman"])),
        draw(powers),
    )
    return Row(
        (age, gender, power),
        prompt=draw(texts),
        sub_prompt=f"{age}, {gender}, {power}",
        response_txt=draw(
            texts.filter(lambda text: without_thinking(text) == text)
        ),  # no <thinking> by chance
        finish_reason=draw(texts),
        split=draw(st.sampled_from(["train", "valid", ""])),
        source=draw(st.sampled_from(["example", "description", "import", ""])),
    )


def article_values(row: Row) -> list[str]:
    return list(values_of(row)[: len(ARTICLE_COLUMNS)])


def file_name(form: FileFormat) -> str:
    return NAMES.get(form, f"rows.{form}")


def supported_fields(row: Row, form: FileFormat) -> Row:
    """Return the row without the fields that a format cannot store."""
    match form:
        case "article":
            return row._replace(split="", source="")
        case "prepared" | "jsonl":
            return row._replace(split="", source="", prompt="", finish_reason="")
        case _:
            return row


def reading_order(given_rows: list[Row], form: FileFormat) -> list[Row]:
    """Return the rows in the order of reading: a Hugging Face folder has held-out rows at the end."""
    return sorted(given_rows, key=lambda row: row.split == "valid") if form == "huggingface" else given_rows


def read_rows(path: Path) -> list[Row]:
    return read_hero_rows(path, CONFIG.vocabulary).rows


def read_error(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        read_rows(path)
    return str(raised.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all examples of hypothesis, which overwrite each other's files."""
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("form", FORMATS)
@settings(deadline=None)  # the first import of pandas and pyarrow is slow
@given(given_rows=st.lists(rows(), min_size=1, max_size=6))
@example(given_rows=[ONE._replace(response_txt=text, prompt=text, finish_reason=text) for text in hard])
def test_every_format_reads_back_what_was_written(
    form: FileFormat, given_rows: list[Row], folder: Path
) -> None:
    path = folder / form / file_name(form)
    path.parent.mkdir(exist_ok=True)
    given_rows = [ONE, *given_rows]  # whose text shares no mark with any other

    assert write_rows(given_rows, path, form, overwrite=True) == len(given_rows)

    assert read_rows(path) == [supported_fields(row, form) for row in reading_order(given_rows, form)]


@pytest.mark.parametrize("form", ["article", "prepared", "csv"])
@settings(deadline=None)
@given(given_rows=st.lists(rows(), min_size=1, max_size=6))
@example(given_rows=[ONE._replace(response_txt=text, prompt=text, finish_reason=text) for text in hard])
def test_pandas_reads_our_tables_unchanged(form: FileFormat, given_rows: list[Row], folder: Path) -> None:
    path = folder / "pandas.csv"
    write_rows(given_rows, path, form, overwrite=True)

    frame = pd.read_csv(path, dtype=str, keep_default_na=False)

    if form == "prepared":
        assert list(frame) == ["prompt", "completion"]
        assert frame.to_numpy().tolist() == [[row.sub_prompt, row.response_txt] for row in given_rows]
    elif form == "article":
        assert list(frame) == ["Unnamed: 0", *ARTICLE_COLUMNS]
        assert frame["Unnamed: 0"].tolist() == [str(number) for number in range(len(given_rows))]
        assert frame[list(ARTICLE_COLUMNS)].to_numpy().tolist() == [article_values(row) for row in given_rows]
    else:
        assert frame.to_numpy().tolist() == [list(values_of(row)) for row in given_rows]


def article_frame(answers: list[str]) -> pd.DataFrame:
    """Run the article's own loop, with these answers instead of a model's."""
    f_prompt = "Imagine a {age}-year-old {gender} with {power}, in detail:"
    f_sub_prompt = "{age}, {gender}, {power}"
    remaining = iter(answers)
    df = pd.DataFrame()
    for age in [18, 90]:
        for gender in ["man", "woman"]:
            for power in ["invisibility", "read in the thoughts"]:
                prompt = f_prompt.format(age=age, gender=gender, power=power)
                sub_prompt = f_sub_prompt.format(age=age, gender=gender, power=power)
                new_row = {
                    "age": age,
                    "gender": gender,
                    "power": power,
                    "prompt": prompt,
                    "sub_prompt": sub_prompt,
                    "response_txt": next(remaining),
                    "finish_reason": "stop",
                }
                df = pd.concat([df, pd.DataFrame([new_row])], axis=0, ignore_index=True)
    return df


@settings(deadline=None)
@given(answers=st.lists(texts, min_size=8, max_size=8))
@example(answers=["\n\nHe hides.", "a\rb", "a\r\nb", "NA", "", '"Hush," he says.', " a ", "🦸"])
def test_the_articles_files_are_read_and_written_byte_for_byte(answers: list[str], folder: Path) -> None:
    theirs, ours = folder / "out_openai_completion.csv", folder / "ours.csv"
    frame = article_frame(["He hides.", *answers[1:]])  # which shares no mark with any other
    frame.to_csv(theirs)

    found = read_rows(theirs)

    assert [article_values(row) for row in found] == frame.astype(str).to_numpy().tolist()
    if not any("\r" in answer for answer in answers):  # which pandas does not quote
        write_rows(found, ours, "article", overwrite=True)
        assert ours.read_bytes() == theirs.read_bytes()


def test_prompts_of_prepared_data_are_split_into_age_gender_and_power(tmp_path: Path) -> None:
    path = tmp_path / "prepared_data.csv"
    frame = article_frame(["He hides."] * 8)
    prepared = frame.loc[:, ["sub_prompt", "response_txt"]]
    prepared.rename(columns={"sub_prompt": "prompt", "response_txt": "completion"}).to_csv(path, index=False)

    found = read_rows(path)

    assert [row.hero for row in found[-2:]] == [
        ("90", "woman", "invisibility"),
        ("90", "woman", "read in the thoughts"),
    ]
    write_rows(found, tmp_path / "ours.csv", "prepared")
    assert (tmp_path / "ours.csv").read_bytes() == path.read_bytes()


def test_jsonl_holds_the_tuning_prompt(tmp_path: Path) -> None:
    write_rows([ONE], tmp_path / "rows.jsonl", "jsonl")
    line = json.loads((tmp_path / "rows.jsonl").read_text(encoding="utf-8"))
    asked = CONFIG.prompts.tuning_prompt(Hero(18, "man", "invisibility"))
    assert line["messages"] == [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": "He hides."},
    ]


@pytest.mark.parametrize(
    ("completions", "found"),
    [
        ([" He hides. END", " She flies. END"], ["He hides.", "She flies."]),
        ([" He hides.", " She flies. END"], ["He hides.", "She flies. END"]),
        (["He hides. END", " She flies. END"], ["He hides.", " She flies."]),
    ],
)
def test_the_older_tools_affixes_are_removed_if_every_line_has_them(
    tmp_path: Path, completions: list[str], found: list[str]
) -> None:
    path = tmp_path / "prepared_data_prepared.jsonl"
    lines = [{"prompt": "18, man, invisibility ->", "completion": text} for text in completions]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [row.response_txt for row in read_rows(path)] == found
    assert {row.sub_prompt for row in read_rows(path)} == {"18, man, invisibility"}


def test_the_datasets_library_loads_the_folder_offline_with_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    from datasets import load_dataset

    given_rows = [ONE._replace(response_txt=text, hero=("18", "man", "NA"), split="train") for text in hard]
    held_out = [ONE._replace(hero=(age, "man", "flight"), split="valid") for age in ("007", "null")]
    path = tmp_path / "heroes"
    write_rows([*held_out, *given_rows], path, "huggingface")

    loaded = load_dataset(str(path), cache_dir=str(tmp_path / "cache"))

    assert set(loaded) == {"train", "validation"}
    for split, expected in (("train", given_rows), ("validation", held_out)):
        cells = [tuple(row[name] for name in COLUMNS) for row in loaded[split]]
        assert cells == [values_of(row) for row in expected]


def test_the_card_holds_recipe_and_counts_and_a_licence_only_if_given(tmp_path: Path) -> None:
    card = DatasetCard('Heroes: "v2"', recipe={"model": "```\n# small", "repeats": 3}, counts={"train": 1})
    write_rows([ONE], tmp_path / "open", "huggingface", card=card)
    write_rows([ONE], tmp_path / "free", "huggingface", card=replace(card, licence="cc-by-4.0"))

    header, text = (tmp_path / "open" / "README.md").read_text().split("---\n\n", 1)
    assert yaml.safe_load(header.strip("-\n"))["pretty_name"] == 'Heroes: "v2"'
    assert "license" not in yaml.safe_load(header.strip("-\n"))
    assert '"model": "```\\n# small"' in text
    assert "made by a language model" in text
    assert "| train | 1 |" in text
    free = (tmp_path / "free" / "README.md").read_text().split("---\n\n", 1)[0]
    assert yaml.safe_load(free.strip("-\n"))["license"] == "cc-by-4.0"


def test_tables_of_other_tools_are_read(tmp_path: Path) -> None:
    table = {
        "age": [18, 19],
        "gender": "man",
        "power": "flight",
        "response_txt": ["He flies.", None],
        "x": [[1], []],
    }
    pd.DataFrame(table).astype({"age": "Int64"}).to_parquet(tmp_path / "theirs.parquet")
    (tmp_path / "excel.csv").write_bytes(
        b'\xef\xbb\xbfresponse_txt,age,power,gender\r\n"He\r\nflies.",18,flight,man\r\n\r\n'
    )
    (tmp_path / "theirs" / "data").mkdir(parents=True)
    pd.DataFrame({"prompt": ["18, man, flight ->"], "completion": [" He."]}).to_parquet(
        tmp_path / "theirs" / "data" / "validation-0.parquet"
    )
    flies = Row(("18", "man", "flight"), "", "18, man, flight", "He flies.", "")

    assert read_rows(tmp_path / "theirs.parquet") == [
        flies,
        flies._replace(hero=("19", "man", "flight"), sub_prompt="19, man, flight", response_txt=""),
    ]
    assert read_rows(tmp_path / "excel.csv") == [flies._replace(response_txt="He\r\nflies.")]
    assert read_rows(tmp_path / "theirs") == [flies._replace(response_txt="He.", split="valid")]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("gone.csv", None, "There is no gone.csv"),
        ("a.xlsx", b"PK", "a.xlsx is no Excel workbook"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"prompt,completion\n", "holds no rows"),
        ("a.csv", b"age,sex\n18,man\n", "lacks the columns gender, power, response_txt and has age, sex."),
        ("a.csv", b"prompt,completion,prompt\na,b,c\n", "columns of the same name ('prompt' and 'prompt')"),
        ("a.csv", b"prompt,completion\n1, m, f,a,b\n", "(line 2) has 5 fields where the header has 2"),
        ("a.csv", b'prompt,completion\n\n"1, m, f","a"b\n', "damaged in the row that begins on line 3"),
        ("a.csv", b'prompt,completion\n"1, m, f","a\nb', "damaged in the row that begins on line 2"),
        ("a.csv", b'prompt,completion\n"1, m, f",' + b"a" * 100_001, "Row 1 of a.csv (line 2) holds a field"),
        ("a.csv", b'prompt,completion\n"1, m, f",a\0\n', "Line 2 of a.csv holds a NUL byte"),
        ("a.csv", b'prompt,completion\n"1, m, f",caf\x81\n', "Line 2 of a.csv is not in UTF-8"),
        (
            "a.csv",
            b"prompt,completion\nman flight,a\n",
            "Row 1 of a.csv (line 2), 'man flight': The age is",
        ),
        ("a.csv", b'prompt,completion\n"1, man, ",a\n', "Row 1 of a.csv (line 2), '1, man, '"),
        ("a.csv", b"age,gender,power,response_txt,split\n1,m,f,a,test\n", "only rows of a test split"),
        ("a.csv", b"age,gender,power,response_txt,split\n1,m,f,a,x\n", "(line 2) has the split 'x'"),
        ("a.jsonl", b"{}\n", "a.jsonl holds no texts under a name"),
        ("a.jsonl", b"[" * 100_000, "Line 1 of a.jsonl is nested too deep"),
        ("a.jsonl", b'{"prompt": "1, m, f", "completion": []}\n', "Example 1 of a.jsonl (line 1) has a list"),
        ("a.jsonl", b'\n{"prompt": "1, m, f", "completion": "\\ud800"}\n', "(line 2) holds half a"),
        ("a.jsonl", b'{"prompt": "1, m, f", "completion": "\\u0000"}\n', "(line 1) holds a NUL byte"),
        ("a.parquet", b"PAR1 no more than this", "a.parquet is damaged"),
    ],
)
def test_an_unreadable_file_raises_a_clear_error(
    tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    assert message in read_error(tmp_path / file)


def test_large_nested_and_damaged_files_are_refused(tmp_path: Path) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000), pa.array(["a" * 20_000_000]))
    swollen = {**dict.fromkeys(("age", "gender", "power"), ["18"] * 5_000), "response_txt": long}
    parquet.write_table(
        pa.table(swollen), tmp_path / "swollen.parquet"
    )  # two kilobytes that unpack to a hundred gigabytes
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(512 * 1024 * 1024 + 1)
    nested = {"age": [["18"]], "gender": "man", "power": "flight", "response_txt": "He flies."}
    pd.DataFrame(nested).to_parquet(tmp_path / "nested.parquet")
    write_rows([ONE] * 1000, tmp_path / "cut.parquet", "parquet")
    os.truncate(tmp_path / "cut.parquet", 900)
    (tmp_path / "folder").mkdir()

    assert "Row 1 of swollen.parquet holds a field of more" in read_error(tmp_path / "swollen.parquet")
    assert "larger than 512 MB" in read_error(tmp_path / "large.csv")
    assert "nested.parquet has lists or objects in its column age" in read_error(tmp_path / "nested.parquet")
    assert "cut.parquet is damaged" in read_error(tmp_path / "cut.parquet")
    assert "holds no data/train-*.parquet" in read_error(tmp_path / "folder")


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_export_changes_nothing(tmp_path: Path, form: FileFormat) -> None:
    def interrupted() -> Iterator[Row]:
        yield from [ONE] * 6_000
        raise KeyboardInterrupt

    path = tmp_path / file_name(form)
    with pytest.raises(KeyboardInterrupt):
        write_rows(interrupted(), path, form)
    assert list(tmp_path.iterdir()) == []

    write_rows([ONE], path, form)
    with pytest.raises(UserError, match="exists already"):
        write_rows([ONE, ONE], path, form)
    with pytest.raises(KeyboardInterrupt):
        write_rows(interrupted(), path, form, overwrite=True)
    assert (list(tmp_path.iterdir()), len(read_rows(path))) == ([path], 1)
    write_rows([ONE, ONE], path, form, overwrite=True)
    assert (list(tmp_path.iterdir()), len(read_rows(path))) == ([path], 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ONE._replace(hero=("18", "man", "a\0")), "Row 2 holds a NUL byte"),
        (ONE._replace(hero=("18", "man", "\ud800")), "Row 2 holds half a character"),
        (ONE._replace(prompt="a" * 100_001), "Row 2 holds a field of more than 100,000 characters"),
        (ONE._replace(split="test"), "Row 2 has the split 'test'"),
    ],
)
def test_an_invalid_row_is_written_in_no_format(tmp_path: Path, row: Row, message: str) -> None:
    for form in FORMATS:
        with pytest.raises(UserError, match=message):
            write_rows([ONE, row], tmp_path / file_name(form), form)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_raises_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").touch()
    with pytest.raises(UserError, match=r"rows.csv cannot be written: no such file or directory\. Choose"):
        write_rows([ONE], tmp_path / "gone" / "rows.csv", "csv")
    with pytest.raises(UserError, match="mine is a folder with other things in it"):
        write_rows([ONE], tmp_path / "mine", "huggingface", overwrite=True)
    with pytest.raises(UserError, match="no rows to write"):
        write_rows([], tmp_path / "rows.csv", "csv")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"The disk is too full for rows\.csv"):
        write_rows([ONE], tmp_path / "rows.csv", "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_hundred_thousand_rows_take_constant_memory(tmp_path: Path, form: FileFormat) -> None:
    """The rows are 140 megabytes: keeping more than the first of them would exceed the limit."""
    path, memory = tmp_path / file_name(form), psutil.Process().memory_info
    peak = 0

    def write_and_read(number: int) -> int:
        many = (ONE._replace(response_txt=f"{number} " + "He hides. " * 140) for number in range(number))
        written = write_rows(measured(many), path, form, overwrite=True)
        assert sum(1 for _ in measured(open_source(path).records())) == written
        return written

    def measured(rows: Iterable[T]) -> Iterator[T]:
        nonlocal peak
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                peak = max(peak, memory().rss)
            yield row

    write_and_read(10_000)
    peak_of_few = peak
    assert write_and_read(100_000) == 100_000
    assert peak - peak_of_few < 120_000_000
