"""The grid: the heroes that a default build writes."""

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.heroes.grid import Grid
from bot.heroes.hero import Hero
from tests.heroes.test_hero import VOCABULARY

GRID = VOCABULARY.grid
REPEATS = [list(GRID.heroes(repeat)) for repeat in range(GRID.repeats)]
ALL = list(chain.from_iterable(REPEATS))


def grid(ages: int, genders: int, powers: int, others: dict[str, object]) -> Grid:
    return Grid.model_validate(
        {
            "ages": range(20, 20 + ages),
            "genders": [f"gender{number}" for number in range(genders)],
            "powers": [f"power{number}" for number in range(powers)],
            "repeats": 3,
            **others,
        }
    )


def test_the_default_build_has_294_heroes() -> None:
    assert GRID.size == 7 * 2 * 7
    assert [len(repeat) for repeat in REPEATS] == [98, 98, 98]


def test_the_first_repeat_is_the_articles() -> None:
    assert Counter(hero.gender for hero in REPEATS[0]) == {"man": 49, "woman": 49}
    assert {hero.power for hero in REPEATS[0]} == set(GRID.powers)


def test_later_repeats_have_persons_in_even_shares() -> None:
    """The figures stand in data/heroes.toml."""
    assert Counter(hero.gender for hero in ALL) == {"man": 115, "woman": 114, "person": 65}
    persons = [hero for hero in ALL if hero.gender == "person"]
    assert set(Counter(hero.age for hero in persons).values()) <= {9, 10}
    assert max(Counter(hero.power for hero in persons).values()) <= 2
    assert len({hero.power for hero in persons}) > 50


def test_later_repeats_have_each_of_the_other_powers_once_or_twice() -> None:
    """The figures stand in data/heroes.toml."""
    assert len(GRID.other_powers) == 141
    times = Counter(hero.power for repeat in REPEATS[1:] for hero in repeat)
    assert set(times) == set(GRID.other_powers)
    assert set(times.values()) == {1, 2}
    for repeat in REPEATS[1:]:
        assert len({hero.power for hero in repeat}) == GRID.size
    popular = {*VOCABULARY.vocabulary.powers} & {*GRID.other_powers}
    assert len(popular) == 12
    assert {times[power] for power in popular} == {2}


def test_a_power_that_comes_twice_comes_with_two_genders() -> None:
    genders: dict[str, list[str]] = {}
    for hero in chain(*REPEATS[1:]):
        genders.setdefault(hero.power, []).append(hero.gender)
    assert max(len(each) for each in genders.values()) == 2
    assert [power for power, each in genders.items() if len(set(each)) < len(each)] == []


def test_turns_count_the_heroes_of_a_power() -> None:
    for power in GRID.powers:
        turns = [GRID.turn(hero, 0) for hero in REPEATS[0] if hero.power == power]
        assert turns == list(range(14))
    assert GRID.turn(Hero(18, "man", "flight"), 1) > GRID.turn(Hero(90, "woman", "flight"), 0)
    # a hero of another vocabulary, whose text an earlier build has written
    assert GRID.turn(Hero(19, "robot", "flight"), 0) == 0


def test_heroes_of_men_and_women_keep_their_places() -> None:
    """A build finds the texts of an earlier version in its cache: only the persons are new."""
    earlier = GRID.model_copy(update={"other_genders": ()})
    for repeat, heroes in enumerate(REPEATS):
        for before, now in zip(earlier.heroes(repeat), heroes, strict=True):
            assert now == before or now == Hero(before.age, "person", before.power)


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 7), st.integers(0, 2), st.integers(0, 5))
def test_no_hero_comes_twice_in_a_repeat(
    ages: int, genders: int, powers: int, other_genders: int, more_than_needed: int
) -> None:
    some = grid(
        ages,
        genders,
        powers,
        {
            "other_genders": [f"other{number}" for number in range(other_genders)],
            "other_gender_every": max(2, genders) + more_than_needed,
            "other_powers": [f"other power {number}" for number in range(ages * genders + powers)],
        },
    )
    for repeat in range(4):
        heroes = list(some.heroes(repeat))
        assert len(heroes) == len(set(heroes)) == some.size


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"other_genders": ["gender0"]}, "'gender0' stands in genders 2 times"),
        ({"other_genders": ["other"], "other_gender_every": 2}, "it must be 3 or more"),
        ({"other_genders": ["other"], "other_gender_every": 1}, "greater than or equal to 2"),
        ({"ages": [20, 20]}, "20 stands in ages 2 times"),
    ],
)
def test_mistakes_in_the_grid_are_named(others: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        grid(2, 3, 2, others)
