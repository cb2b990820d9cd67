"""Adherence: each metric holds for a good text and fails for one with a fault; which heroes are asked for."""

from collections import Counter
from typing import Any

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
from bot.heroes.unseen_heroes import unseen_heroes
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


PERSON = Hero(57, "person", "bending light")
THEY = (
    "Robin, a quiet 57-year-old person who mends clocks in a harbour town, has the power of bending light. "
    "Their glasses are taped, and their jokes are terrible. They know every dog in the street by name. When "
    "smoke rises from the school, they take a deep breath and show the children a bright path down the "
    "stairs. By morning they are back at work, a little tired and very content."
)


@pytest.mark.parametrize(
    ("hero", "text", "keeps"),
    [
        (PERSON, THEY, True),
        (PERSON, THEY.replace("person", "human"), True),
        (PERSON, THEY.replace("person", "man").replace("Robin", "Samir"), False),
        (PERSON, THEY.replace("Their", "His").replace("their", "his").replace("They", "He"), False),
        (PERSON, THEY.replace("Their", "Her").replace("their", "her").replace("hey", "she"), False),
        (PERSON, TEXT.replace("47-year-old woman", "57-year-old person"), False),
        (PERSON, THEY + " A boy thanks them, and he never tells.", True),
        (HERO, THEY.replace("57-year-old person", "47-year-old woman"), False),
        (HERO, TEXT.replace("woman", "person"), False),
        (HERO, TEXT + " The children thank her, and they never tell.", True),
    ],
)
def test_a_person_is_they_and_a_woman_is_not(hero: Hero, text: str, keeps: bool) -> None:
    answer = Answer(hero, text, "stop")
    assert evaluate(answer, FILE.curation)["gender"] is keeps
    assert keeps_all_rules(answer, FILE.curation) is keeps
    assert unfit_reason(answer, FILE.curation) == (None if keeps else "another gender")


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


@pytest.mark.parametrize(
    ("changes", "count", "persons"),
    [
        ({}, 9, 2),
        ({}, 40, 9),
        ({}, 300, 66),
        ({}, 5000, 340),  # all there are
        ({"other_gender_every": 2}, 40, 13),
        ({"repeats": 1}, 40, 0),  # the first repeat has none
        ({"other_genders": ()}, 40, 0),
        ({"genders": ("person",), "other_genders": ("man", "woman")}, 40, 31),
    ],
)
def test_other_genders_have_their_share_of_the_grid(
    changes: dict[str, Any], count: int, persons: int
) -> None:
    grid = FILE.vocabulary.grid.model_copy(update=changes)
    vocabulary = FILE.vocabulary.model_copy(update={"grid": grid})
    heroes = unseen_heroes(vocabulary, count)
    assert sum(hero.gender == "person" for hero in heroes) == persons
    assert len(set(heroes)) == len(heroes)
    assert heroes[: count // 2] == unseen_heroes(vocabulary, count // 2)
    if len(heroes) == count:
        in_grid = Counter(hero.gender for repeat in range(grid.repeats) for hero in grid.heroes(repeat))
        assert abs(persons / count - in_grid["person"] / in_grid.total()) < 0.03


@pytest.mark.parametrize("genders", [("man", "woman"), ("man", "woman", "person")])
def test_every_gender_of_the_grid_is_asked_for(genders: tuple[str, ...]) -> None:
    grid = FILE.vocabulary.grid.model_copy(update={"genders": genders, "other_genders": ()})
    vocabulary = FILE.vocabulary.model_copy(update={"grid": grid})
    assert {hero.gender for hero in unseen_heroes(vocabulary, 40)} == {*genders}


def test_a_grid_that_holds_every_age_and_power_is_asked_for_its_own() -> None:
    unseen = FILE.vocabulary.unseen
    grid = FILE.vocabulary.grid.model_copy(update={"ages": unseen.ages, "powers": unseen.powers})
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
