"""Export of dataset versions to files, and import of files as versions."""

import re
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

from bot.app import App
from bot.dataset.files.formats import FileFormat
from bot.dataset.files.hero_rows import read_hero_rows
from bot.dataset.files.row import ARTICLE_COLUMNS, COLUMNS, Row, values_of
from bot.errors import UserError
from tests.support.workflows import build

ODD = [
    Row((f"{age}", "man", power), "asked", f"{age}, man, {power}", text, "stop")
    for age, (power, text) in enumerate(
        [
            ("na", 'He said "no", twice.\nThen "yes".'),
            ("null", "Émile 🦸 flies, mostly."),
            ("007", "One, two."),
        ]
        * 5,
        start=18,
    )
]


async def test_a_build_is_exported_as_the_articles_table(app: App, tmp_path: Path) -> None:
    await build(app)
    table = tmp_path / "out_openai_completion.csv"

    version, written = await app.transfer.export(None, table, "article")

    frame = pd.read_csv(table, dtype=str, keep_default_na=False, index_col=0)
    assert (version.id, written, len(frame)) == (1, 16, 16)
    assert list(frame) == ["age", "gender", "power", "prompt", "sub_prompt", "response_txt", "finish_reason"]
    first = frame.iloc[0]
    start = r"Imagine a complete and detailed description of an? "
    assert re.match(rf"{start}{first['age']}-year-old", first["prompt"])
    assert first["sub_prompt"] == f"{first['age']}, {first['gender']}, {first['power']}"


async def test_texts_of_a_single_hero_are_refused_and_not_stored(app: App, tmp_path: Path) -> None:
    texts = [f"{r.hero[0]} {r.response_txt}" for r in ODD]
    rows = [Row(("40", "man", "ice"), "", "40, man, ice", answer, "stop") for answer in texts]
    with pytest.raises(UserError, match="All texts answer one prompt, '40, man, ice ->'"):
        await app.transfer.import_file(write_table(tmp_path, rows))
    async with app.db.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM imported"))).scalar_one() == 0


def write_table(folder: Path, rows: list[Row]) -> Path:
    path = folder / "texts.csv"
    pd.DataFrame([values_of(row) for row in rows], columns=COLUMNS)[list(ARTICLE_COLUMNS)].to_csv(path)
    return path


@pytest.mark.parametrize("form", ["article", "csv", "parquet", "huggingface"])
async def test_odd_texts_survive_import_and_export(app: App, tmp_path: Path, form: FileFormat) -> None:
    rows = [Row(r.hero, r.prompt, r.sub_prompt, f"{r.hero[0]} {r.response_txt}", "stop") for r in ODD]
    result = await app.transfer.import_file(write_table(tmp_path, rows))
    assert result.new
    assert result.dataset.counts["import"] == 15
    assert not result.dropped

    suffix = {"article": ".csv", "csv": ".csv", "parquet": ".parquet", "huggingface": ""}[form]
    out = tmp_path / f"out{suffix}"
    await app.transfer.export(result.dataset.id, out, form)

    def fields_of(found: list[Row]) -> set[tuple[str, ...]]:
        return {(*r.hero, r.prompt, r.sub_prompt, r.response_txt, r.finish_reason) for r in found}

    assert fields_of(read_hero_rows(out, app.heroes.vocabulary).rows) == fields_of(rows)


async def test_importing_a_file_twice_gives_the_same_version(app: App, tmp_path: Path) -> None:
    path = write_table(tmp_path, [Row(r.hero, "", r.sub_prompt, f"Text {r.hero[0]}", "") for r in ODD])
    first = await app.transfer.import_file(path)
    second = await app.transfer.import_file(path)
    assert (first.dataset.id, second.dataset.id, second.new) == (1, 1, False)


async def test_duplicates_are_dropped_and_counted(app: App, tmp_path: Path) -> None:
    heroes = [(f"{age}", "man", "ice") for age in range(18, 42)]
    rows = [Row(hero, "", ", ".join(hero), f"Text {at % 12}", "") for at, hero in enumerate(heroes)]
    result = await app.transfer.import_file(write_table(tmp_path, rows))
    assert result.dropped == {"the same as another": 12}


async def test_bad_files_and_missing_versions_raise_clear_errors(app: App, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no dataset yet"):
        await app.transfer.export(None, tmp_path / "x.csv", "csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("age,colour\n1,red\n")
    with pytest.raises(UserError, match="lacks the columns"):
        await app.transfer.import_file(broken)
    few = "Usable texts in texts.csv: 3. That leaves 2 to learn from and 1 kept aside"
    with pytest.raises(UserError, match=few):
        await app.transfer.import_file(write_table(tmp_path, ODD[:3]))
