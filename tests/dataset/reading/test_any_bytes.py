"""Any bytes give records or an error for the person, and check and import read the same."""

import csv
import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.dataset.files.formats import FileFormat, write_rows
from bot.dataset.files.hero_rows import read_hero_rows
from bot.dataset.files.row import Row
from bot.dataset.lint.examples import read_examples
from bot.dataset.reading.opening import open_source
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.settings import ROOT
from tests.dataset.reading.support import CHATS, CSV, LINES

HEROES = read_heroes(ROOT / "data" / "heroes.toml")
NAMES = ["a.csv", "a.tsv", "a.txt", "a.json", "a.jsonl", "a.xlsx", "a.parquet", "a.gz", "a.zip", "a"]
FRAGMENTS = [
    *("prompt", "completion", "split", "test", "messages", "role", "18, man, ice ->", "sep=", "# "),
    *(
        ",",
        ";",
        "\t",
        "|",
        '"',
        "'",
        "“",
        "”",
        '\\"',
        "\\",
        " ",
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\ufeff",
        "\u2028",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        "NaN",
        "null",
        "1e999",
        "-",
        "\\ud800",
        "\\u0000",
        '{"prompt": "a", "completion": "b"}',
    ),
    *(LINES[0], CHATS[0], CSV, "é", "🦸"),
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)
encoded = st.builds(
    lambda text, encoding: text.encode(encoding, "replace"),
    texts,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "cp1252", "cp1251"]),
)


def exported(form: FileFormat, name: str, folder: Path) -> bytes:
    row = Row(("18", "man", "ice"), "asked", "18, man, ice", "He cools.", "stop", "train")
    write_rows([row] * 3, folder / name, form, overwrite=True)
    return (folder / name).read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytes")


@pytest.fixture(scope="module")
def whole_files(folder: Path) -> list[bytes]:
    """Return sound files of every kind, to be damaged."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["prompt", "completion"])
    book.active.append(["18, man, ice ->", "He cools."])
    book.save(folder / "book.xlsx")
    return [
        exported("parquet", "rows.parquet", folder),
        (folder / "book.xlsx").read_bytes(),
        gzip.compress(CSV.encode(), mtime=0),
        exported("csv", "rows.csv", folder),
    ]


def attempt(path: Path) -> list[dict[str, str]] | None:
    """Return what is read; None if the file is refused with an error for the person."""
    try:
        source = open_source(path)
        found = [record.cells for record in source.records()]
    except UserError as error:
        return None if str(error) else []
    assert found
    for cells in found:
        assert tuple(cells) == source.columns or set(cells) == set(source.columns)
        assert "\0" not in "".join(cells.values())
        assert "".join(cells.values()).encode() is not None
    return found


@settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=400) | encoded)
@example(name="a.json", content=b'{"a":' * 3_000)
@example(name="a.csv", content=b'"' + b"a,\n" * 1_000)
@example(name="a.zip", content=b"PK\x03\x04" + b"\0" * 60)
@example(name="a.csv", content="sep=;".encode("utf-16"))
def test_any_bytes_give_records_or_an_error(name: str, content: bytes, folder: Path) -> None:
    path = folder / name
    path.write_bytes(content)
    attempt(path)


@settings(deadline=None, max_examples=150)
@given(
    at=st.integers(0, 3), cut=st.floats(0, 1), place=st.floats(0, 1), noise=st.binary(min_size=1, max_size=8)
)
def test_damaged_files_give_records_or_an_error(
    at: int, cut: float, place: float, noise: bytes, folder: Path, whole_files: list[bytes]
) -> None:
    whole = whole_files[at]
    begin = int(place * len(whole))
    damaged = (whole[:begin] + noise + whole[begin + len(noise) :])[: int(cut * len(whole)) + 1]
    for content in (damaged, whole[:begin] + noise + whole[begin + len(noise) :]):
        path = folder / "damaged"
        path.write_bytes(content)
        attempt(path)


# what all texts share would come off: each begins and ends in its own way
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0<"), max_size=12)
texts_of_heroes = st.lists(words, min_size=2, max_size=5).map(
    lambda found: [f"{chr(97 + at)}{word}{at}" for at, word in enumerate(found)]
)


def write_table(rows: list[dict[str, str]], form: str, path: Path) -> None:
    frame = pd.DataFrame(rows)
    chats = [
        {"messages": [{"role": role, "content": row[name]} for role, name in _TURNS.items()]} for row in rows
    ]
    match form:
        case "parquet":
            frame.to_parquet(path)
        case "semicolons":
            frame.to_csv(path, sep=";", index=False)
        case "index":
            frame.to_csv(path, encoding="utf-16", quoting=csv.QUOTE_ALL)
        case "list":
            path.write_text(json.dumps(rows, indent=1))
        case "lines":
            frame.to_json(path, orient="records", lines=True)
        case "chats":
            path.write_text("\n".join(map(json.dumps, chats)))


_TURNS = {"user": "prompt", "assistant": "completion"}


@settings(deadline=None, max_examples=60)
@given(
    texts=texts_of_heroes, form=st.sampled_from(["parquet", "semicolons", "index", "list", "lines", "chats"])
)
def test_check_and_import_read_the_same(texts: list[str], form: str, folder: Path) -> None:
    rows = [{"prompt": f"{18 + at}, man, flight ->", "completion": text} for at, text in enumerate(texts)]
    path = folder / "same"
    write_table(rows, form, path)

    checked = read_examples(path, HEROES).frame
    imported = read_hero_rows(path, HEROES.vocabulary).rows

    given_pairs = [(row["prompt"], row["completion"]) for row in rows]
    assert list(zip(checked["prompt"], checked["completion"], strict=True)) == given_pairs
    assert [(row.tuning_prompt, row.response_txt) for row in imported] == given_pairs
