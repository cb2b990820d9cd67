"""Datasets as files: nothing is lost on the way out and in, and what cannot be read is said in a sentence."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd
import psutil
import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from bot.dataset.files.dataset_card import Card
from bot.dataset.files.formats import Format, read, write
from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, Row, values_of
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.settings import ROOT

FORMATS: tuple[Format, ...] = get_args(Format)
NAMES = {"article": "rows.csv", "prepared": "rows.csv", "csv": "rows.csv", "huggingface": "rows"}

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
texts = st.sampled_from([*hard, "\ufeff", "\u2028", "\x1a", "'", "a ->", " END"]) | st.text(characters)
words = st.sampled_from(["18", "007", "NA", "null", "man", "read in the thoughts"])


@st.composite
def rows(draw: st.DrawFn) -> Row:
    age, gender = draw(words), draw(words)
    power = draw(texts.filter(lambda text: text.strip() and not text.endswith(" ->")))
    return Row(
        (age, gender, power),
        prompt=draw(texts),
        sub_prompt=f"{age}, {gender}, {power}",
        response_txt=draw(texts),
        finish_reason=draw(texts),
        split=draw(st.sampled_from(["train", "valid", ""])),
        source=draw(st.sampled_from(["example", "description", "import", ""])),
    )


def article_values(row: Row) -> list[str]:
    return list(values_of(row)[: len(ARTICLE_COLUMNS)])


def name(form: Format) -> str:
    return NAMES.get(form, f"rows.{form}")


def carried(row: Row, form: Format) -> Row:
    """What a format has room for."""
    match form:
        case "article":
            return replace(row, split="", source="")
        case "prepared" | "jsonl":
            return replace(row, split="", source="", prompt="", finish_reason="")
        case _:
            return row


def in_order(given_rows: list[Row], form: Format) -> list[Row]:
    """A Hugging Face folder keeps what is held out apart."""
    return sorted(given_rows, key=lambda row: row.split == "valid") if form == "huggingface" else given_rows


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        list(read(path))
    return str(refused.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all that hypothesis tries, written over and over."""
    return tmp_path_factory.mktemp("exchange")


@pytest.mark.parametrize("form", FORMATS)
@given(given_rows=st.lists(rows(), min_size=1, max_size=6))
@example(given_rows=[replace(ONE, response_txt=text, prompt=text, finish_reason=text) for text in hard])
def test_every_format_brings_back_what_it_was_given(
    form: Format, given_rows: list[Row], folder: Path
) -> None:
    path = folder / form / name(form)
    path.parent.mkdir(exist_ok=True)

    assert write(given_rows, path, form, overwrite=True) == len(given_rows)

    assert list(read(path)) == [carried(row, form) for row in in_order(given_rows, form)]


@pytest.mark.parametrize("form", ["article", "prepared", "csv"])
@given(given_rows=st.lists(rows(), min_size=1, max_size=6))
@example(given_rows=[replace(ONE, response_txt=text, prompt=text, finish_reason=text) for text in hard])
def test_pandas_reads_our_tables_as_they_were_meant(
    form: Format, given_rows: list[Row], folder: Path
) -> None:
    path = folder / "pandas.csv"
    write(given_rows, path, form, overwrite=True)

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


def frame_of_the_article(answers: list[str]) -> pd.DataFrame:
    """The article's own loop, with these answers instead of a model's."""
    f_prompt = "Imagine a {age}-year-old {gender} with {power}, in detail:"
    f_sub_prompt = "{age}, {gender}, {power}"
    left = iter(answers)
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
                    "response_txt": next(left),
                    "finish_reason": "stop",
                }
                df = pd.concat([df, pd.DataFrame([new_row])], axis=0, ignore_index=True)
    return df


@given(answers=st.lists(texts, min_size=8, max_size=8))
@example(answers=["\n\nHe hides.", "a\rb", "a\r\nb", "NA", "", '"Hush," he says.', " a ", "🦸"])
def test_the_articles_own_files_are_read_and_written_to_the_byte(answers: list[str], folder: Path) -> None:
    theirs, ours = folder / "out_openai_completion.csv", folder / "ours.csv"
    frame = frame_of_the_article(answers)
    frame.to_csv(theirs)

    found = list(read(theirs))

    assert [article_values(row) for row in found] == frame.astype(str).to_numpy().tolist()
    if not any("\r" in answer for answer in answers):  # pandas forgets the quotes that those need
        write(found, ours, "article", overwrite=True)
        assert ours.read_bytes() == theirs.read_bytes()


def test_the_articles_prepared_data_names_age_gender_and_power(tmp_path: Path) -> None:
    path = tmp_path / "prepared_data.csv"
    frame = frame_of_the_article(["\n\nHe hides."] * 8)
    prepared = frame.loc[:, ["sub_prompt", "response_txt"]]
    prepared.rename(columns={"sub_prompt": "prompt", "response_txt": "completion"}).to_csv(path, index=False)

    found = list(read(path))

    assert [row.hero for row in found[-2:]] == [
        ("90", "woman", "invisibility"),
        ("90", "woman", "read in the thoughts"),
    ]
    write(found, tmp_path / "ours.csv", "prepared")
    assert (tmp_path / "ours.csv").read_bytes() == path.read_bytes()


def test_jsonl_asks_what_the_product_asks(tmp_path: Path) -> None:
    write([ONE], tmp_path / "rows.jsonl", "jsonl")
    line = json.loads((tmp_path / "rows.jsonl").read_text(encoding="utf-8"))
    asked = read_heroes(ROOT / "data" / "heroes.toml").prompts.tuning_prompt(Hero(18, "man", "invisibility"))
    assert line["messages"] == [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": "He hides."},
    ]


@pytest.mark.parametrize(
    ("completions", "found"),
    [
        ([" He hides. END", " She flies. END"], ["He hides.", "She flies."]),
        ([" He hides.", " She flies. END"], ["He hides.", "She flies. END"]),
        (["He hides. END", " She flies. END"], ["He hides. END", " She flies. END"]),
    ],
)
def test_the_older_tools_marks_come_off_where_every_line_has_them(
    tmp_path: Path, completions: list[str], found: list[str]
) -> None:
    path = tmp_path / "prepared_data_prepared.jsonl"
    lines = [{"prompt": "18, man, invisibility ->", "completion": text} for text in completions]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [row.response_txt for row in read(path)] == found
    assert {row.sub_prompt for row in read(path)} == {"18, man, invisibility"}


def test_the_hugging_face_folder_loads_offline_with_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    from datasets import load_dataset

    given_rows = [replace(ONE, response_txt=text, hero=("18", "man", "NA"), split="train") for text in hard]
    held_out = [replace(ONE, hero=(age, "man", "flight"), split="valid") for age in ("007", "null")]
    path = tmp_path / "heroes"
    write([*held_out, *given_rows], path, "huggingface")

    loaded = load_dataset(str(path), cache_dir=str(tmp_path / "cache"))

    assert set(loaded) == {"train", "validation"}
    for split, expected in (("train", given_rows), ("validation", held_out)):
        cells = [tuple(row[name] for name in COLUMNS) for row in loaded[split]]
        assert cells == [values_of(row) for row in expected]


def test_the_card_says_what_it_was_given_and_leaves_the_licence_open(tmp_path: Path) -> None:
    card = Card('Heroes: "v2"', recipe={"model": "```\n# small", "repeats": 3}, counts={"train": 1})
    write([ONE], tmp_path / "open", "huggingface", card=card)
    write([ONE], tmp_path / "free", "huggingface", card=replace(card, licence="cc-by-4.0"))

    header, text = (tmp_path / "open" / "README.md").read_text().split("---\n\n", 1)
    assert yaml.safe_load(header.strip("-\n"))["pretty_name"] == 'Heroes: "v2"'
    assert "license" not in yaml.safe_load(header.strip("-\n"))
    assert '"model": "```\\n# small"' in text
    assert "made by a language model" in text
    assert "| train | 1 |" in text
    free = (tmp_path / "free" / "README.md").read_text().split("---\n\n", 1)[0]
    assert yaml.safe_load(free.strip("-\n"))["license"] == "cc-by-4.0"


def test_tables_of_other_makers_are_read(tmp_path: Path) -> None:
    table = {
        "age": [18, None],
        "gender": "man",
        "power": "flight",
        "response_txt": "He flies.",
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

    assert list(read(tmp_path / "theirs.parquet")) == [
        flies,
        replace(flies, hero=("", "man", "flight"), sub_prompt=", man, flight"),
    ]
    assert list(read(tmp_path / "excel.csv")) == [replace(flies, response_txt="He\r\nflies.")]
    assert list(read(tmp_path / "theirs")) == [replace(flies, response_txt=" He.", split="valid")]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("gone.csv", None, "There is no gone.csv"),
        ("a.xlsx", b"PK", "must end in .csv, .jsonl or .parquet"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"prompt,completion\n", "holds no rows"),
        ("a.csv", b"age,sex\n18,man\n", "lacks the columns gender, power, response_txt and has age, sex."),
        ("a.csv", b"prompt;completion\n", "has 'prompt;completion'"),
        ("a.csv", b"prompt,completion,prompt\na,b,c\n", "columns of the same name (prompt)"),
        ("a.csv", b"prompt,completion\n1, m, f,a,b\n", "Line 2 of a.csv has 5 fields where the header has 2"),
        ("a.csv", b'prompt,completion\n\n"1, m, f","a"b\n', "damaged in the row that begins on line 3"),
        ("a.csv", b'prompt,completion\n"1, m, f","a\nb', "damaged in the row that begins on line 2"),
        ("a.csv", b'prompt,completion\n"1, m, f",' + b"a" * 200_000, "line 2 of a.csv holds a field of more"),
        ("a.csv", b'prompt,completion\n"1, m, f",' + b"a" * 100_001, "Row 1 of a.csv (line 2) holds a field"),
        ("a.csv", b'prompt,completion\n"1, m, f",a\0\n', "Line 2 of a.csv holds a NUL byte"),
        ("a.csv", "prompt,completion\n".encode("utf-16"), "a.csv is not written in UTF-8"),
        ("a.csv", "prompt,completion\n".encode("utf-16-le"), "not in UTF-8"),
        ("a.csv", b'prompt,completion\n"1, m, f",caf\xe9\n', "a.csv is not written in UTF-8"),
        (
            "a.csv",
            b"prompt,completion\n18 man flight,a\n",
            "Row 1 of a.csv (line 2) has the prompt '18 man fl",
        ),
        ("a.csv", b'prompt,completion\n"1, m, ",a\n', "Row 1 of a.csv (line 2) has the prompt '1, m, '"),
        ("a.csv", b"age,gender,power,response_txt,split\n1,m,f,a,test\n", "(line 2) has the split 'test'"),
        ("a.jsonl", b"{}\n", "Line 1 of a.jsonl is neither"),
        ("a.jsonl", b"[" * 100_000, "Line 1 of a.jsonl is not JSON"),
        ("a.jsonl", b'{"prompt": "1, m, f", "completion": 1}\n', "Line 1 of a.jsonl is neither"),
        ("a.jsonl", b'\n{"prompt": "1, m, f", "completion": "\\ud800"}\n', "Line 2 of a.jsonl holds half a"),
        (
            "a.jsonl",
            b'{"prompt": "1, m, f", "completion": "\\u0000"}\n',
            "Line 1 of a.jsonl holds a NUL byte",
        ),
        ("a.parquet", b"PAR1 no more than this", "a.parquet is damaged"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(
    tmp_path: Path, file: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    assert said in refusal(tmp_path / file)


def test_what_is_large_or_no_table_of_text_is_refused(tmp_path: Path) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000), pa.array(["a" * 20_000_000]))
    swollen = {**dict.fromkeys(("age", "gender", "power"), ["18"] * 5_000), "response_txt": long}
    parquet.write_table(
        pa.table(swollen), tmp_path / "swollen.parquet"
    )  # two kilobytes, or a hundred gigabytes
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(512 * 1024 * 1024 + 1)
    nested = {"age": [["18"]], "gender": "man", "power": "flight", "response_txt": "He flies."}
    pd.DataFrame(nested).to_parquet(tmp_path / "nested.parquet")
    write([ONE] * 1000, tmp_path / "cut.parquet", "parquet")
    os.truncate(tmp_path / "cut.parquet", 900)
    (tmp_path / "folder").mkdir()

    assert "Row 1 of swollen.parquet holds a field of more" in refusal(tmp_path / "swollen.parquet")
    assert "larger than 512 MB" in refusal(tmp_path / "large.csv")
    assert "nested.parquet is damaged, or no Parquet with columns of text" in refusal(
        tmp_path / "nested.parquet"
    )
    assert "cut.parquet is damaged" in refusal(tmp_path / "cut.parquet")
    assert "holds no data/train-*.parquet" in refusal(tmp_path / "folder")


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_export_leaves_what_was_there(tmp_path: Path, form: Format) -> None:
    def cut_short() -> Iterator[Row]:
        yield from [ONE] * 6_000
        raise KeyboardInterrupt

    path = tmp_path / name(form)
    with pytest.raises(KeyboardInterrupt):
        write(cut_short(), path, form)
    assert list(tmp_path.iterdir()) == []

    write([ONE], path, form)
    with pytest.raises(UserError, match="exists already"):
        write([ONE, ONE], path, form)
    with pytest.raises(KeyboardInterrupt):
        write(cut_short(), path, form, overwrite=True)
    assert (list(tmp_path.iterdir()), len(list(read(path)))) == ([path], 1)
    write([ONE, ONE], path, form, overwrite=True)
    assert (list(tmp_path.iterdir()), len(list(read(path)))) == ([path], 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(ONE, hero=("18", "man", "a\0")), "Row 2 holds a NUL byte"),
        (replace(ONE, hero=("18", "man", "\ud800")), "Row 2 holds half a character"),
        (replace(ONE, prompt="a" * 100_001), "Row 2 holds a field of more than 100,000 characters"),
        (replace(ONE, split="test"), "Row 2 has the split 'test'"),
    ],
)
def test_a_row_that_not_every_format_carries_is_never_written(tmp_path: Path, row: Row, said: str) -> None:
    for form in FORMATS:
        with pytest.raises(UserError, match=said):
            write([ONE, row], tmp_path / name(form), form)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").touch()
    with pytest.raises(UserError, match=r"rows.csv cannot be written: no such file or directory\. Choose"):
        write([ONE], tmp_path / "gone" / "rows.csv", "csv")
    with pytest.raises(UserError, match="mine is a folder with other things in it"):
        write([ONE], tmp_path / "mine", "huggingface", overwrite=True)
    with pytest.raises(UserError, match="no rows to write"):
        write([], tmp_path / "rows.csv", "csv")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"The disk is too full for rows\.csv"):
        write([ONE], tmp_path / "rows.csv", "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_hundred_thousand_rows_pass_through_little_memory(tmp_path: Path, form: Format) -> None:
    """More than a hundred megabytes as rows: were they kept, it would show."""
    path, used = tmp_path / name(form), psutil.Process().memory_info
    peak = 0

    def through(number: int) -> int:
        many = (replace(ONE, response_txt=f"{number} " + "He hides. " * 60) for number in range(number))
        written = write(watched(many), path, form, overwrite=True)
        assert sum(1 for _ in watched(read(path))) == written
        return written

    def watched(passing: Iterable[Row]) -> Iterator[Row]:
        nonlocal peak
        for number, row in enumerate(passing):
            if number % 1000 == 0:
                peak = max(peak, used().rss)
            yield row

    through(10_000)
    after_few = peak
    assert through(100_000) == 100_000
    assert peak - after_few < 60_000_000
