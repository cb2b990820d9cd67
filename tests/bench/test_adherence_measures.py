"""The measures of bench.adherence: each holds of a good text and fails of one that lacks just it."""

import pytest

from bench.adherence.measures import MEASURES, Described, masked_opening, measured, shares
from bench.adherence.unseen import unseen
from bot.heroes.hero import Hero
from tests.heroes.test_hero import FILE

HERO = Hero(47, "woman", "bending light")
TEXT = (
    "Mira, a quiet 47-year-old woman who mends clocks in a harbour town, has the power of bending light. "
    "Her glasses are taped, and her jokes are terrible. She knows every dog in the street by name. When "
    "smoke rises from the school, she takes a deep breath and shows the children a bright path down the "
    "stairs. By morning she is back at work, a little tired and very content."
)


def failing(text: str, finish_reason: str = "stop") -> set[str]:
    held = measured(Described(HERO, text, finish_reason), FILE.curation)
    return {name for name in MEASURES if not held[name]}


def test_everything_holds_of_a_good_text() -> None:
    assert failing(TEXT) == set()


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        (TEXT.replace("47", "74"), {"right_age", "never_wrong_age"}),
        (TEXT.replace("47-year-old ", ""), {"right_age"}),
        (TEXT + " At 12, she was lost.", {"never_wrong_age"}),
        (TEXT.replace("woman", "man"), {"gender"}),
        (TEXT.replace("She", "He").replace(" she", " he").replace("er ", "is "), {"gender"}),
        (TEXT.replace("bending light", "flight"), {"power"}),
        (TEXT[:200], {"length_ok"}),
        (TEXT + " She sits." * 30, {"length_ok", "no_repeat"}),
        (TEXT + " Elena is her sister.", {"one_name"}),
        (TEXT.replace("Mira, a", "A"), {"one_name"}),
    ],
)
def test_each_lack_is_noticed(text: str, measures: set[str]) -> None:
    assert failing(text) == measures


def test_a_text_that_was_cut_short_does_not_end() -> None:
    assert failing(TEXT, finish_reason="length") == {"ends"}


def test_openings_that_differ_in_the_hero_alone_are_one() -> None:
    other = Hero(18, "man", "ice")
    text = TEXT.replace("Mira, a quiet 47-year-old woman", "Tomas, a quiet 18-year-old man")
    both = [Described(HERO, TEXT, "stop"), Described(other, text.replace("bending light", "ice"), "stop")]
    assert (
        masked_opening(both[0])
        == masked_opening(both[1])
        == "name a quiet age-year-old gender who mends clocks"
    )
    assert shares(both, FILE.curation)["distinct_openings"] == 0.5


def test_the_unseen_grid_is_unseen_and_always_the_same() -> None:
    heroes = unseen(FILE.vocabulary, 500)
    assert len(set(heroes)) == 500
    assert heroes[:7] == unseen(FILE.vocabulary, 7)
    grid = FILE.vocabulary.grid
    assert {hero.age for hero in heroes} & {*grid.ages} == set()
    assert {hero.power for hero in heroes} & {*grid.powers} == set()
