"""Adherence: each metric holds for a good text and fails for one with a fault; which heroes are asked for."""

import pytest

from bot.heroes.adherence import (
    METRICS,
    Answer,
    evaluate,
    keeps_all_rules,
    masked_opening,
    pass_rates,
    unfit_reason,
)
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import AGES, POWERS, unseen_heroes
from tests.heroes.test_hero import FILE

HERO = Hero(47, "woman", "bending light")
TEXT = (
    "Mira, a quiet 47-year-old woman who mends clocks in a harbour town, has the power of bending light. "
    "Her glasses are taped, and her jokes are terrible. She knows every dog in the street by name. When "
    "smoke rises from the school, she takes a deep breath and shows the children a bright path down the "
    "stairs. By morning she is back at work, a little tired and very content."
)


def failing(text: str, finish_reason: str = "stop") -> set[str]:
    held = evaluate(Answer(HERO, text, finish_reason), FILE.curation)
    return {name for name in METRICS if not held[name]}


def test_all_metrics_hold_for_a_good_text() -> None:
    assert failing(TEXT) == set()


@pytest.mark.parametrize(
    ("text", "metrics"),
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
def test_each_fault_fails_its_metric(text: str, metrics: set[str]) -> None:
    assert failing(text) == metrics


def test_a_truncated_text_does_not_end() -> None:
    assert failing(TEXT, finish_reason="length") == {"ends"}


def test_openings_that_differ_only_in_the_hero_are_equal() -> None:
    other = Hero(18, "man", "ice")
    text = TEXT.replace("Mira, a quiet 47-year-old woman", "Tomas, a quiet 18-year-old man")
    both = [Answer(HERO, TEXT, "stop"), Answer(other, text.replace("bending light", "ice"), "stop")]
    assert (
        masked_opening(both[0])
        == masked_opening(both[1])
        == "name a quiet age-year-old gender who mends clocks"
    )
    assert pass_rates(both, FILE.curation)["distinct_openings"] == 0.5


def test_unseen_heroes_are_not_in_the_grid_and_always_the_same() -> None:
    heroes = unseen_heroes(FILE.vocabulary, 500)
    assert len(set(heroes)) == 500
    assert heroes[:7] == unseen_heroes(FILE.vocabulary, 7)
    grid = FILE.vocabulary.grid
    assert {hero.age for hero in heroes} & {*grid.ages} == set()
    assert {hero.power for hero in heroes} & {*grid.powers} == set()


@pytest.mark.parametrize("genders", [("man", "woman"), ("man", "woman", "person")])
def test_every_gender_of_the_grid_is_asked_for(genders: tuple[str, ...]) -> None:
    grid = FILE.vocabulary.grid.model_copy(update={"genders": genders})
    vocabulary = FILE.vocabulary.model_copy(update={"grid": grid})
    assert {hero.gender for hero in unseen_heroes(vocabulary, 40)} == {*genders}


def test_a_grid_that_holds_every_age_and_power_is_asked_for_its_own() -> None:
    grid = FILE.vocabulary.grid.model_copy(update={"ages": AGES, "powers": POWERS})
    vocabulary = FILE.vocabulary.model_copy(update={"grid": grid})
    assert len(unseen_heroes(vocabulary, 40)) == 40


@pytest.mark.parametrize(
    ("text", "finish_reason", "keeps", "reason"),
    [
        (TEXT, "stop", True, None),
        (TEXT, "length", False, None),  # cut off, but after its last sentence: curation lets it train
        (TEXT.replace("47-year-old ", ""), "stop", False, None),
        (TEXT.replace("woman", "man"), "stop", False, "another gender"),
        ("", "stop", False, "too short"),
    ],
)
def test_fit_and_all_rules_at_once(text: str, finish_reason: str, keeps: bool, reason: str | None) -> None:
    answer = Answer(HERO, text, finish_reason)
    assert keeps_all_rules(answer, FILE.curation) is keeps
    assert unfit_reason(answer, FILE.curation) == reason
    rates = pass_rates([answer, Answer(HERO, TEXT, "stop")], FILE.curation)
    assert rates["all_rules"] == (1 + keeps) / 2
    assert rates["fit"] == (1 + (reason is None)) / 2
