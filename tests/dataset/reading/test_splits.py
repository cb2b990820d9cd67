"""Splits: the file's own is kept, and what is not read is named."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from bot.dataset.files.formats import FileFormat, write_rows
from bot.dataset.files.row import Row
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format, Unread
from tests.dataset.reading.support import cells_of, create_file, error_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Train", "train"),
        (" TRAINING ", "train"),
        ("valid", "valid"),
        ("validation", "valid"),
        ("Val", "valid"),
        ("DEV", "valid"),
        ("", ""),
        ("fold 3", "fold 3"),
    ],
)
def test_the_column_split_is_understood(tmp_path: Path, name: str, split: str) -> None:
    content = f"prompt,completion,Split\na,b,{name}\nc,d,Test\ne,f,eval\n"
    source = open_source(create_file(tmp_path, "a.csv", content))
    assert cells_of(source) == [{"prompt": "a", "completion": "b", "split": split}]
    assert source.unread == (Unread("the split test", 2),)
    lines = [{"prompt": "a", "completion": "b", "SPLIT": name}, {"prompt": "a", "completion": "b"}]
    source = open_source(create_file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines))))
    assert [cells["split"] for cells in cells_of(source)] == [split, ""]


def table(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"prompt": [f"{text} ->" for text in texts], "completion": texts})


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("data/train-00000-of-00001", "data/validation-00000-of-00001", "data/test-00000-of-00001"),
        ("train", "val", "test"),
        ("Train", "Dev", "Test"),
        ("my_train_v2", "my_valid_v2", "my_eval_v2"),
        ("default/train/0000", "default/validation/0000", "default/test/0000"),
        ("heroes.training", "heroes.development", "heroes.testing"),
    ],
)
@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl", ".jsonl.gz"])
def test_the_names_of_shards_are_splits(
    tmp_path: Path, train: str, valid: str, test: str, ending: str
) -> None:
    for name, frame in {train: table("a", "b"), valid: table("c"), test: table("d", "e")}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        path = tmp_path / f"{name}{ending}"
        match ending:
            case ".parquet":
                frame.to_parquet(path)
            case ".csv":
                frame.to_csv(path, index=False)
            case _:
                lines = frame.to_json(orient="records", lines=True).encode()
                path.write_bytes(gzip.compress(lines, mtime=0) if ending.endswith("gz") else lines)
    source = open_source(tmp_path)
    assert source.format is Format.FOLDER
    assert [(cells["completion"], cells["split"]) for cells in cells_of(source)] == [
        ("a", "train"),
        ("b", "train"),
        ("c", "valid"),
    ]
    assert source.unread == (Unread(f"{test}{ending}", 2),)
    assert [record.number for record in source.records()] == [1, 2, 3]


def test_what_is_missing_and_what_else_lies_there_is_named(tmp_path: Path) -> None:
    for at in (0, 2):
        table(f"a{at}").to_parquet(tmp_path / f"train-0000{at}-of-00003.parquet")
    table("x", "y").to_csv(tmp_path / "more.csv", index=False)
    table("z").to_parquet(tmp_path / "extra.parquet")
    for name in ("README.md", "notes.txt", ".gitattributes", "dataset_infos.json", ".cache/x.parquet"):
        create_file(tmp_path, name, "{}")
    assert set(map(str, open_source(tmp_path).unread)) == {
        "more.csv (2 rows)",
        "extra.parquet (1 row)",
        "notes.txt",
        "train-00001-of-00003.parquet, which is missing",
    }


def test_a_folder_of_one_file_trains(tmp_path: Path) -> None:
    table("a").to_csv(tmp_path / "heroes.csv", index=False)
    assert cells_of(open_source(tmp_path)) == [{"prompt": "a ->", "completion": "a", "split": "train"}]


def test_a_test_split_alone_is_refused(tmp_path: Path) -> None:
    table("a").to_parquet(tmp_path / "test-00000-of-00001.parquet")
    assert "holds no data/train-*.parquet" in error_of(tmp_path)
    assert "only rows of a test split" in error_of(create_file(tmp_path, "a.csv", "prompt,split\na,test\n"))


def test_shards_may_differ_in_their_columns(tmp_path: Path) -> None:
    noted = {"prompt": ["a ->"], "completion": ["a"], "note": ["n"], "messy": [[1]]}
    pd.DataFrame(noted).to_parquet(tmp_path / "train.parquet")
    table("b").assign(split="").to_parquet(tmp_path / "valid.parquet")
    source = open_source(tmp_path)
    assert cells_of(source) == [
        {"prompt": "a ->", "completion": "a", "note": "n", "split": "train"},
        {"prompt": "b ->", "completion": "b", "note": "", "split": ""},
    ]
    assert source.notes == ("The column 'messy' holds no texts or numbers, and is not read.",)


def test_conversations_in_parquet(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "18"}, {"role": "assistant", "content": "He."}]
    pd.DataFrame({"messages": [turns], "id": [7]}).to_parquet(tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    assert source.columns == ("prompt", "completion", "id")
    assert cells_of(source) == [{"prompt": "18", "completion": "He.", "id": "7"}]


ROW = Row(("18", "man", "ice"), "asked", "18, man, ice", "He cools.", "stop", "valid", "example")


@pytest.mark.parametrize(
    ("form", "name", "columns"),
    [
        ("article", "a.csv", "age gender power prompt sub_prompt response_txt finish_reason"),
        ("prepared", "a.csv", "prompt completion"),
        ("csv", "a.csv", "age gender power prompt sub_prompt response_txt finish_reason split source"),
        ("jsonl", "a.jsonl", "prompt completion"),
        (
            "parquet",
            "a.parquet",
            "age gender power prompt sub_prompt response_txt finish_reason split source",
        ),
        ("huggingface", "a", "age gender power prompt sub_prompt response_txt finish_reason split source"),
    ],
)
def test_the_products_own_exports_are_read(tmp_path: Path, form: FileFormat, name: str, columns: str) -> None:
    write_rows([ROW], tmp_path / name, form)
    source = open_source(tmp_path / name)
    assert source.columns == tuple(columns.split())
    (cells,) = cells_of(source)
    assert cells.get("split", "valid") == "valid"
    assert "He cools." in cells.values()
    assert source.unread == ()
