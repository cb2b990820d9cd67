"""Coherence: each check holds for a text that makes sense and fails for one that does not."""

import pytest

from bot.heroes.adherence import Answer
from bot.heroes.coherence import (
    CHECKS,
    MIN_AGREEMENT,
    VALIDATED,
    coherence,
    ending_recalls,
    has_deed_of_power,
)
from bot.heroes.hero import Hero
from bot.heroes.power_families import deed_verbs
from tests.heroes.test_hero import FILE

OPENING = "Mira, a quiet 47-year-old woman who mends clocks, has the power of {power}. Her hat is green."
ENDING = "The kitten sleeps in that hat."


def answer(power: str, deed: str, ending: str = ENDING, gender: str = "woman") -> Answer:
    return Answer(Hero(47, gender, power), f"{OPENING.format(power=power)} {deed} {ending}", "stop")


@pytest.mark.parametrize(
    ("power", "deed", "holds"),
    [
        ("flight", "When a kitten cries on the mast, she flies up to it.", True),
        ("flight", "When a kite flies into a tree, she takes a deep breath.", False),  # the kite flies
        ("flight", "When a kitten cries, she drops everything and cooks soup.", False),
        ("flight", "When a kitten cries, Mira soars over the roofs.", True),
        ("super strength", "When a lorry rolls, she is lifting it off the quay.", True),
        ("super strength", "When a lorry rolls, she listens to the sea.", False),
        ("talking to animals", "When a dog is lost, she asks the gulls about it.", True),
        ("talking to animals", "When a dog is lost, she melts the ice.", False),
        ("stopping time", "As the vase falls, she stopped the clock of the world.", True),
        ("healing", "When a boy breaks his arm, she cures it.", True),
        ("juggling with numbers", "When a boy falls, she sleeps.", True),  # of no family: any deed shows it
    ],
)
def test_the_heros_deed_has_a_verb_of_the_powers_family(power: str, deed: str, holds: bool) -> None:
    assert has_deed_of_power(answer(power, deed)) is holds


def test_opening_and_ending_are_no_deed() -> None:
    assert not has_deed_of_power(answer("flight", "She waits.", ending="She flies home."))
    assert has_deed_of_power(Answer(Hero(47, "woman", "flight"), "Mira is 47. She flies home.", "stop"))


def test_every_power_of_the_file_is_of_a_family() -> None:
    vocabulary = FILE.vocabulary
    grid = vocabulary.grid
    powers = (*grid.powers, *grid.other_powers, *vocabulary.vocabulary.powers, *vocabulary.unseen.powers)
    assert [power for power in powers if not deed_verbs(power)] == []


@pytest.mark.parametrize(
    ("ending", "recalls"),
    [
        ("The clock ticks again.", True),
        ("Mended by her, it ticks.", True),
        ("She and her quiet street sleep well.", True),
        ("Mira never speaks of it.", False),  # a name says nothing
        ("By morning she has a new kettle.", False),
        ("The woman of whom they had all been afraid is away.", True),
        ("It was the one she has.", False),
        ("", True),  # the sentence before it ends the text then
    ],
)
def test_the_ending_has_a_word_of_what_came_before(ending: str, recalls: bool) -> None:
    text = "Mira, a quiet woman who mends clocks, has the power of flight. One clock stops. "
    assert ending_recalls(text + ending) is recalls


def test_one_sentence_recalls_nothing() -> None:
    assert not ending_recalls("Mira mends clocks.")
    assert not ending_recalls("")


STOCK = "Then the baker's white horse bolts across the square."


def test_a_phrase_returns_within_ten_texts() -> None:
    deeds = [f"She finds coin {'abcdefghijklmno'[number] * 3} in a well." for number in range(15)]
    texts = [
        Answer(Hero(20 + number, "woman", "finding coins"), f"{deed} Nobody knows.", "stop")
        for number, deed in enumerate(deeds)
    ]
    assert all(each["no_stock_phrase"] for each in coherence(texts))
    for first, second, returns in ((0, 9, True), (9, 10, False), (12, 14, True)):
        changed = [
            Answer(each.hero, f"{each.text} {STOCK}", "stop") if number in (first, second) else each
            for number, each in enumerate(texts)
        ]
        held = [each["no_stock_phrase"] for each in coherence(changed)]
        assert held == [not (returns and number in (first, second)) for number in range(15)]


def test_grammar_and_the_heros_own_words_are_no_stock_phrase() -> None:
    same = "There is a 47-year-old woman with the power of controlling the weather, and she is here."
    texts = [Answer(Hero(47, "woman", "controlling the weather"), same, "stop")] * 3
    assert all(each["no_stock_phrase"] for each in coherence(texts))


def test_only_known_checks_are_reported() -> None:
    assert set(VALIDATED) <= set(CHECKS)
    assert MIN_AGREEMENT == 0.7
    assert [set(each) for each in coherence([answer("flight", "She waits.")])] == [set(CHECKS)]
    assert coherence([]) == []
