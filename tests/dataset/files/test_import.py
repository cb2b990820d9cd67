"""From a file to rows that train: what is normalised, refused, held out and said."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text as sql

from bot.app import App
from bot.dataset.files.hero_rows import HeroRows, read_hero_rows, training_texts
from bot.dataset.lint.examples import read_examples
from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.settings import ROOT
from bot.store import datasets

CONFIG = read_heroes(ROOT / "data" / "heroes.toml")
TEXTS = (
    "He freezes lakes for skaters.",
    "He cools the soup of strangers in July.",
    "He mends cracked windows with frost.",
    "He stops a runaway tram with a wall of snow.",
    "He keeps vaccines cold on long roads.",
    "He carves swans for weddings nobody pays for.",
    "He hushes a wildfire before breakfast.",
    "He bridges a river so that goats may cross.",
    "He rescues a whale from drifting floes.",
    "He paints ferns upon the panes of schools.",
    "He holds a dam together through one long night.",
    "He sells lemonade that never warms.",
)
AGES = tuple(range(18, 30))


def write(folder: Path, name: str, columns: dict[str, Sequence[object]]) -> Path:
    """Write a table in the format that the name says."""
    path = folder / name
    frame = pd.DataFrame(columns)
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        case ".parquet":
            frame.to_parquet(path)
    return path


def pairs(folder: Path, name: str, prompt: str = "{}, man, ice ->", text: str = "{}") -> Path:
    prompts, texts = [prompt.format(age) for age in AGES], [text.format(each) for each in TEXTS]
    return write(folder, name, {"prompt": prompts, "completion": texts})


def heroes(folder: Path, name: str = "heroes.csv", **columns: Sequence[object]) -> Path:
    given = {"age": AGES, "gender": ["man"] * 12, "power": ["ice"] * 12, "response_txt": TEXTS}
    return write(folder, name, {**given, **columns})


def read(path: Path) -> HeroRows:
    return read_hero_rows(path, CONFIG.vocabulary)


def held_out(path: Path) -> set[str]:
    """Return the ages whose split is given as valid."""
    rows = read(path).rows
    groups = training_texts(rows, range(len(rows)), CONFIG.prompts)
    return {prompt[:2] for prompt, split, _ in groups if split == "valid"}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("{}, man, ice", "{}"),
        ("{}, man, ice ->", " {} END"),
        ("{}, man, ice\n\n###\n\n", " {}\n"),
        ("{}, man, ice\nAnswer:", "{}###"),
        ("{}.0, Man, ICE -&gt;", "\n\n{}<|endoftext|>"),
    ],
)
def test_the_same_data_gives_the_same_rows_from_every_format(
    tmp_path: Path, name: str, prompt: str, text: str
) -> None:
    rows = read(pairs(tmp_path, name, prompt, text)).rows
    assert [row.response_txt for row in rows] == list(TEXTS)
    assert [row.tuning_prompt for row in rows] == [f"{age}, man, ice ->" for age in AGES]


def test_the_report_counts_what_is_normalised_and_taken_off(tmp_path: Path) -> None:
    ages = ["18.0", " 19 ", *AGES[2:]]
    notes = read(heroes(tmp_path, age=ages, response_txt=[f" {each} END" for each in TEXTS])).notes
    assert notes == (
        "The hero of 2 rows is written as /hero asks: '18.0, man, ice' becomes '18, man, ice'.",
        "Every text begins with ' ' and ends with ' END': that is taken off.",
    )
    assert read(heroes(tmp_path)).notes == ()


def test_a_system_turn_is_left_out_and_said(tmp_path: Path) -> None:
    turns = [("system", "You are kind."), ("user", "18, man, ice ->"), ("assistant", TEXTS[0])]
    path = tmp_path / "a.jsonl"
    messages = [{"role": role, "content": content} for role, content in turns]
    path.write_text(json.dumps({"messages": messages}) + "\n")
    found = read(path)
    assert found.rows[0].response_txt == TEXTS[0]
    assert found.notes == ("The system turn of 1 row is left out: /hero asks without one.",)


def test_all_bad_rows_are_counted_and_the_first_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(heroes(tmp_path, age=["", "eighteen", "17", *AGES[3:11], 999]))
    missing = "The age is missing: begin with a whole number in digits, for example `40 woman healing`."
    in_words = "An age is a whole number in digits."
    beyond = "The age must be between 18 and 120: I do not describe heroes of other ages."
    assert str(raised.value).splitlines() == [
        "4 rows of heroes.csv cannot train, so nothing of it is imported. Mend or drop:",
        f"- Row 1 of heroes.csv (line 2), ', man, ice': {missing}",
        f"- Row 2 of heroes.csv (line 3), 'eighteen, man, ice': {in_words}",
        f"- Row 3 of heroes.csv (line 4), '17, man, ice': {beyond}",
        f"- Row 12 of heroes.csv (line 13), '999, man, ice': {beyond}",
    ]
    with pytest.raises(UserError, match=r"12 rows .* The first 5, to mend or drop:(\n- .*){5}$"):
        read(heroes(tmp_path, power=["<b>"] * 12))


@pytest.mark.parametrize("token", ["<|endoftext|>", "<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|user|>"])
def test_a_control_token_in_a_text_is_refused_unless_all_texts_end_with_it(
    tmp_path: Path, token: str
) -> None:
    texts = [f"He freezes{token} lakes.", *TEXTS[1:]]
    with pytest.raises(
        UserError, match=rf"Row 1 of heroes\.csv \(line 2\): {token.replace('|', '.')} is a control"
    ):
        read(heroes(tmp_path, response_txt=texts))
    ended = read(heroes(tmp_path, response_txt=[each + token for each in TEXTS])).rows
    assert [row.response_txt for row in ended] == list(TEXTS)


@pytest.mark.parametrize("name", ["valid", "validation", "Val", " dev ", "VALID", "Validation "])
def test_the_split_of_a_file_is_kept(tmp_path: Path, name: str) -> None:
    splits = ["train"] * 5 + ["Train", " training ", "", "train"] + [name] * 3
    assert held_out(heroes(tmp_path, split=splits)) == {"27", "28", "29"}


@pytest.mark.parametrize("splits", [["train"] * 12, [""] * 12, [" Train"] * 12])
def test_a_file_that_holds_nothing_out_leaves_the_choice_to_the_draft(
    tmp_path: Path, splits: list[str]
) -> None:
    rows = read(heroes(tmp_path, split=splits)).rows
    assert {split for _, split, _ in training_texts(rows, range(12), CONFIG.prompts)} == {None}


def test_test_rows_are_neither_trained_on_nor_held_out_but_named(tmp_path: Path) -> None:
    found = read(heroes(tmp_path, split=["train"] * 9 + ["valid", "test", " Test "]))
    assert len(found.rows) == 10
    assert found.notes == ("Not read: the split test (2 rows).",)


def test_an_unknown_split_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Row 12 of heroes\.csv \(line 13\) has the split 'later'"):
        read(heroes(tmp_path, split=["train"] * 11 + ["later"]))


async def test_the_split_of_a_file_reaches_the_frozen_dataset(app: App, tmp_path: Path) -> None:
    path = heroes(tmp_path, split=["train"] * 9 + ["validation"] * 3)
    imported = await app.transfer.import_file(path)
    async with app.db.read() as tx:
        items = await datasets.list_items(tx, imported.dataset.id)
    sides = {
        side: sorted(item.prompt[:2] for item in items if item.split == side) for side in ("train", "valid")
    }
    assert sides == {"train": [str(age) for age in AGES[:9]], "valid": ["27", "28", "29"]}

    out = tmp_path / "out.parquet"
    await app.transfer.export(imported.dataset.id, out, "parquet")
    again = await app.transfer.import_file(out)
    assert (again.dataset.id, again.new) == (imported.dataset.id, False)


async def test_a_hero_on_both_sides_of_a_file_stays_on_both(app: App, tmp_path: Path) -> None:
    path = heroes(
        tmp_path, age=[18] * 6 + [19] * 6, split=["train", "train", "train", "train", "train", "valid"] * 2
    )
    imported = await app.transfer.import_file(path)
    assert imported.dataset.counts == {"train": 10, "valid": 2, "import": 12}


async def test_stored_heroes_are_those_that_hero_asks_for(app: App, tmp_path: Path) -> None:
    path = heroes(tmp_path, age=[f"{age}.0" for age in AGES], gender=[" Man"] * 12, power=["ICE ->"] * 12)
    await app.transfer.import_file(path)
    async with app.db.read() as tx:
        rows = (
            await tx.execute(sql("SELECT age, gender, power, sub_prompt FROM imported ORDER BY id"))
        ).all()
    assert [tuple(row) for row in rows] == [(str(age), "man", "ice", f"{age}, man, ice") for age in AGES]


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        (
            "a.csv",
            {"response_txt": [*TEXTS[:9], TEXTS[0], "", " "]},
            "9 (2 empty, 1 the same as another). That leaves 8",
        ),
        (
            "a.jsonl",
            {"response_txt": ["", *TEXTS[:8], "", "", " "]},
            "8 (4 empty). That leaves 7 to learn from and 1 kept",
        ),
        (
            "a.parquet",
            {"response_txt": [TEXTS[0]] * 12},
            "1 (11 the same as another). That leaves 1 to learn from and 0",
        ),
        (
            "a.csv",
            {"age": [120] * 12, "power": ["ice", "fire"] * 6},
            "12. That leaves 6 to learn from and 6 kept aside",
        ),
        (
            "a.csv",
            {"response_txt": ["x" * 10_000] * 3 + [*TEXTS[:9]]},
            "9 (3 over 10,000 characters). That leaves 8",
        ),
        ("a.jsonl", {"age": [18] * 12}, "All texts answer one prompt, '18, man, ice ->'"),
    ],
)
async def test_too_few_texts_are_refused_in_words_about_the_file(
    app: App, tmp_path: Path, name: str, columns: dict[str, list[object]], message: str
) -> None:
    path = heroes(tmp_path, name, **columns)
    with pytest.raises(UserError) as refused:
        await app.transfer.import_file(path)
    about = f"Usable texts in {name}: " if message[0].isdigit() else ""
    assert str(refused.value).startswith(about + message)
    assert "build" not in str(refused.value)
    async with app.db.read() as tx:
        assert (await tx.execute(sql("SELECT count(*) FROM imported"))).scalar_one() == 0


@pytest.mark.parametrize(
    "header",
    [
        "Age,GENDER,Power,Response_Txt",
        " age , gender , power , response_txt ",
        "AGE,GENDER,POWER,RESPONSE_TXT",
        "\ufeffage,gender,\tpower,response_txt",
        "age,Gender\u00a0,power\u200b,response_txt",
    ],
)
def test_columns_are_known_in_any_case_and_with_blanks(tmp_path: Path, header: str) -> None:
    rows = [f'{age},man,ice,"{text}"' for age, text in zip(AGES, TEXTS, strict=True)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    assert read(path).rows == read(heroes(tmp_path)).rows
    assert read_examples(path, CONFIG).heroes.accepted == 12


@pytest.mark.parametrize(
    "header",
    [
        "age,Age,gender,power,response_txt",
        "prompt, prompt,completion",
        "prompt,completion,COMPLETION",
        "prompt,completion,split,Split",
        "prompt,\ufeffPrompt,completion",
    ],
)
def test_two_columns_of_one_name_are_refused_by_check_and_import(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n" + ",".join("abcde"[: header.count(",") + 1]) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="columns of the same name"):
        read(path)
    with pytest.raises(UserError, match="columns of the same name"):
        read_examples(path, CONFIG)


@pytest.mark.parametrize("form", ["heroes", "pairs"])
async def test_blocked_powers_are_refused_by_row_and_not_repeated(
    app: App, tmp_path: Path, form: str
) -> None:
    blocked = "rape"
    if form == "heroes":
        path = heroes(tmp_path, power=[*["ice"] * 11, blocked])
    else:
        path = pairs(tmp_path, "heroes.csv")
        path.write_text(path.read_text().replace(f"{AGES[11]}, man, ice", f"{AGES[11]}, man, {blocked}"))
    with pytest.raises(UserError, match=r"Row 12 of heroes.csv \(line 13\): Its power is on the") as refused:
        await app.transfer.import_file(path)
    assert blocked not in str(refused.value)
    blocklist = Blocklist(app.settings.blocklist, CONFIG.vocabulary.powers)
    assert read_examples(path, CONFIG, blocklist).heroes.accepted == 11  # dataset check says the same
