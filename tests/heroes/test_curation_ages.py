"""The ages that a text states."""

import pytest

from bot.heroes.curation_ages import stated_ages


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("a 40-year-old woman", 40),
        ("an 18 year old man", 18),
        ("a forty-year-old woman", 40),
        ("a twenty-five-year-old man", 25),
        ("a twenty five year old man", 25),
        ("She is 40 years old.", 40),
        ("She is forty years of age.", 40),
        ("At 25, he left.", 25),
        ("at 25 she left", 25),
        ("At twenty-five, he left.", 25),
        ("Mira is 40, and calm.", 40),
        ("when she was seven years old", 7),
        ("He was seven when it began.", 7),
        ("She has just turned 90.", 90),
        ("aged 33", 33),
        ("at the age of twelve", 12),
        ("a woman of 40", 40),
        ("a man of sixty", 60),
        ("a 100-year-old woman", 100),
        ("a 1000-year-old vampire", 1000),
    ],
)
def test_finds_an_age_in_any_wording(text: str, age: int) -> None:
    assert stated_ages(text) == [range(age, age + 1)]


@pytest.mark.parametrize(
    ("text", "decade"),
    [("a woman in her thirties", 30), ("he is in his late 60s", 60), ("in her early twenties", 20)],
)
def test_a_decade_means_ten_years(text: str, decade: int) -> None:
    assert stated_ages(text) == [range(decade, decade + 10)]


@pytest.mark.parametrize(
    "text",
    [
        "She leaves at five and is one of the best.",
        "He worked there for 20 years.",
        "The tower has ninety steps and 12 bells.",
        "In 1985 the mine closed.",
        "She is only one street away.",
    ],
)
def test_ignores_other_numbers(text: str) -> None:
    assert stated_ages(text) == []
