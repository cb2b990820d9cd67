"""The gate of import: a row's hero is one that /hero takes, or the row is refused with its reason."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bot.dataset.files.hero_row import HeroRowParser, HeroSpelling
from bot.dataset.files.hero_rows import read_hero_rows
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.settings import ROOT

VOCABULARY = read_heroes(ROOT / "data" / "heroes.toml").vocabulary
ICE = Hero(18, "man", "ice")


def parse(**cells: str) -> HeroSpelling:
    return HeroRowParser(cells, "heroes.csv", VOCABULARY).parse(cells, "Row 3 of heroes.csv (line 4)")


def pair(prompt: str, **others: str) -> HeroSpelling:
    return parse(prompt=prompt, completion="He skates.", **others)


def fields(age: str, gender: str, power: str, **others: str) -> HeroSpelling:
    return parse(age=age, gender=gender, power=power, response_txt="He skates.", **others)


def hero_of(found: HeroSpelling) -> Hero:
    return Hero.from_strings(found.hero)


@pytest.mark.parametrize("prompt", ["18, man, ice", "18, man, ice ->"])
def test_what_hero_asks_is_taken_as_it_is(prompt: str) -> None:
    assert hero_of(pair(prompt)) == ICE
    assert pair(prompt).is_canonical
    assert fields("18", "man", "ice", sub_prompt=prompt).is_canonical


@pytest.mark.parametrize(
    "prompt",
    [
        "18.0, man, ice ->",
        "18.00, MAN, Ice ->",
        "018,man,ice->",
        "  18 ,  man ,\tice  ",
        "18,\N{NO-BREAK SPACE}man,\N{NARROW NO-BREAK SPACE}ice ->",
        "\ufeff18, man, i\u200bce ->",
        "18, man, ice -&gt;",
        "18, man, ice -&amp;gt;",
        "18&#44; man&#44; ice&nbsp;-&gt;",
        "18, man, ice -> ->",
        "18, man, ice ->->\n",
        "18, man, ice\n\n###\n\n",
        "18, man, ice\n\n===>\n\n",
        "18, man, ice\n\n### =>\n\n",
        "18, man, ice\n\n---\n\n",
        "18, man, ice\nAnswer:",
        "18, man, ice\n\n### Response:\n",
        "18, man, ice → ",
        "18 man ice",
        "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT EIGHT}, man, ice ->",
    ],
)
def test_other_spellings_of_a_prompt_become_what_hero_asks(prompt: str) -> None:
    found = pair(prompt)
    assert hero_of(found) == ICE
    assert found.sub_prompt == "18, man, ice"
    assert (found.written, found.is_canonical) == (prompt, False)


@pytest.mark.parametrize(
    ("cells", "power"),
    [
        (("18.0", "man", "ice"), "ice"),
        (("18,0", " Man ", "ICE"), "ice"),
        (("\N{NO-BREAK SPACE}18", "man\t", "ice ->"), "ice"),
        (("18", "man", "ice, snow"), "ice snow"),
        (("18", "man", "e\u0301lan"), "élan"),
        (("18", "man", "mind&#45;bending"), "mind-bending"),
        (("18", "man", "ice\n\n###\n\n"), "ice"),
    ],
)
def test_other_spellings_in_hero_columns_become_what_hero_asks(
    cells: tuple[str, str, str], power: str
) -> None:
    found = fields(*cells)
    assert hero_of(found) == Hero(18, "man", power)
    assert found.sub_prompt == f"18, man, {power}"
    assert (found.written, found.is_canonical) == (", ".join(cells), False)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("", "Tell me an age, a gender and a power"),
        ("eighteen, man, ice ->", "An age is a whole number"),
        ("18.5, man, ice ->", "An age is a whole number"),
        (", man, ice ->", "The age is missing"),
        ("17, man, ice ->", "between 18 and 120"),
        ("-18, man, ice ->", "between 18 and 120"),
        ("121.0, man, ice ->", "between 18 and 120"),
        ("18, , ice ->", "The gender is missing"),
        ("18, robot, ice ->", 'I do not know the gender "robot"'),
        ("18, ice ->", "The gender is missing"),
        ("18, night vision ->", "The gender is missing"),
        ("18, man,  ->", "The power is missing"),
        ("18, man, <b>ice</b> ->", "plain words"),
        ("18, man, ice & snow ->", "plain words"),
        ("18, man, " + "very " * 20 + "cold ->", "at most 60 fit"),
        ("my man, 18, ice ->", "First the age"),
        ("What is 2+4?", "The age is missing"),
        ("prompt", "The age is missing"),
    ],
)
def test_a_prompt_without_a_hero_is_refused_with_its_row_and_reason(prompt: str, reason: str) -> None:
    with pytest.raises(UserError, match=r"^Row 3 of heroes\.csv \(line 4\)") as raised:
        pair(prompt)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("", "man", "ice"), "The age is missing"),
        (("nan", "man", "ice"), "An age is a whole number"),
        (("eighteen", "man", "ice"), "An age is a whole number"),
        (("7", "man", "ice"), "between 18 and 120"),
        (("1e2", "man", "ice"), "An age is a whole number"),
        (("18", " ", "ice"), "The gender is missing"),
        (("18", "18 man", "ice"), 'I do not know the gender "18 man"'),
        (("18", "<b>man</b>", "ice"), "The gender is missing"),
        (("", "man", "18 ice"), "The age is missing"),
        (("18", "man", ""), "The power is missing"),
        (("18", "man", "\N{NO-BREAK SPACE}"), "The power is missing"),
        (("18", "man", "->"), "The power is missing"),
    ],
)
def test_hero_columns_without_a_hero_are_refused(cells: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(UserError, match=r"^Row 3 of heroes\.csv \(line 4\)") as raised:
        fields(*cells)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("sub_prompt", "parts"),
    [
        ("99, woman, fire", "age, gender, power"),
        ("19, man, ice", "age"),
        ("18, woman, ice ->", "gender"),
        ("18, man, fire", "power"),
        ("18.0, Man, icecream", "power"),
    ],
)
def test_columns_that_contradict_each_other_are_refused(sub_prompt: str, parts: str) -> None:
    with pytest.raises(UserError, match=rf"contradict each other \({parts}\)"):
        fields("18", "man", "ice", sub_prompt=sub_prompt)
    with pytest.raises(UserError, match=rf"contradict each other \({parts}\)"):
        pair("18, man, ice ->", sub_prompt=sub_prompt)
    with pytest.raises(UserError, match=rf"contradict each other \({parts}\)"):
        pair(sub_prompt, age="18", gender="man", power="ice")


def test_columns_that_say_the_same_in_other_words_agree() -> None:
    assert hero_of(fields("18.0", "MAN", "ice", sub_prompt="18, man, Ice ->", prompt="Imagine ...")) == ICE
    assert hero_of(fields("18", "man", "ice", sub_prompt=" ")) == ICE
    assert hero_of(pair("18, man, ice", age="", gender="", power="")) == ICE


def test_a_sub_prompt_that_is_no_hero_is_refused() -> None:
    with pytest.raises(UserError, match="'Imagine a man': The age is missing"):
        fields("18", "man", "ice", sub_prompt="Imagine a man")


def test_a_power_outside_the_vocabulary_is_taken_as_hero_takes_it() -> None:
    assert not VOCABULARY.trains(Hero(18, "man", "talking to umbrellas"))
    assert hero_of(pair("18, man, talking to umbrellas")) == Hero(18, "man", "talking to umbrellas")


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        (("age", "gender"), "age, gender, power, response_txt"),
        (("prompt", "text"), "prompt and completion"),
        (("hero", "completion"), "prompt and completion"),
        (("Prompt",), "prompt and completion"),
    ],
)
def test_a_table_of_neither_form_is_refused_and_the_likelier_one_named_first(
    columns: tuple[str, ...], first: str
) -> None:
    with pytest.raises(UserError, match=rf"x\.csv lacks the columns? .* It needs {first}"):
        HeroRowParser(columns, "x.csv", VOCABULARY)


Write = Callable[[pd.DataFrame, Path], object]
NO_NAMES: dict[str, tuple[Write, str]] = {
    "x.csv": (lambda frame, file: frame.to_csv(file, index=False, header=False), "line 1"),
    "x.tsv": (lambda frame, file: frame.to_csv(file, index=False, header=False, sep="\t"), "line 1"),
    "x.xlsx": (lambda frame, file: frame.to_excel(file, index=False, header=False), "row 1 of the sheet"),
    "x.parquet": (lambda frame, file: frame.to_parquet(file), ""),
}


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_table_whose_columns_have_no_names_is_told_where_to_write_them(tmp_path: Path, name: str) -> None:
    write, place = NO_NAMES[name]
    frame = pd.DataFrame([("Who?", "Nobody."), ("What?", "Nothing.")], columns=["a", "b"])
    write(frame, tmp_path / name)
    with pytest.raises(UserError, match="lacks the columns prompt, completion and has") as refused:
        read_hero_rows(tmp_path / name, VOCABULARY)
    assert (f"above the texts, as {place}. " in str(refused.value)) == bool(place)


def test_a_table_with_other_names_is_told_to_rename_them_and_not_to_add_a_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user_text,Team reply\nWho?,Nobody.\n")
    with pytest.raises(UserError, match=r"rename them there, in line 1\.") as refused:
        read_hero_rows(tmp_path / "x.csv", VOCABULARY)
    assert "instruction and output, query and response" in str(refused.value)
    assert "above the texts" not in str(refused.value)
