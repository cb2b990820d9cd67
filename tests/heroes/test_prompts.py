"""What models are asked."""

import random
import re

import pytest

from bot.heroes.hero import Hero
from tests.heroes.test_hero import FILE

HERO = Hero(40, "woman", "healing")


def test_the_tuning_prompt_is_a_user_message() -> None:
    ask = FILE.prompts.ask_tuned(HERO)
    assert ask.messages == ({"role": "user", "content": "40, woman, healing ->"},)
    assert ask.opening == ""


def test_a_large_author_is_asked_the_generation_prompt_alone() -> None:
    ask = FILE.prompts.ask_author(HERO, small=False, seed=1)
    assert [message["role"] for message in ask.messages] == ["user"]
    assert "a 40-year-old woman fictional character who has the superpower of healing." in str(ask.messages)


def test_a_small_author_sees_a_worked_example_and_goes_on_from_a_given_opening() -> None:
    ask = FILE.prompts.ask_author(HERO, small=True, seed=1)
    assert [message["role"] for message in ask.messages] == ["user", "assistant", "user", "assistant"]
    assert ask.messages[-1]["content"] == ask.opening
    assert all(word in ask.opening for word in ("40", "woman", "healing"))


def test_the_first_sentence_of_a_small_authors_answer_stands_between_opening_and_ending() -> None:
    ask = FILE.prompts.ask_author(HERO, small=True, seed=1)
    whole = ask.render(" mend what is broken! She wanders off, as small models do.")
    assert whole == f"{ask.opening} mend what is broken! {ask.ending}"
    assert FILE.curation.trim(whole) == whole


def test_a_sentence_that_was_cut_short_gets_no_ending() -> None:
    ask = FILE.prompts.ask_author(HERO, small=True, seed=1)
    assert ask.render(" mend what is") == f"{ask.opening} mend what is"


def test_openings_vary_with_the_seed_and_only_with_it() -> None:
    openings = {FILE.prompts.ask_author(HERO, small=True, seed=seed).opening for seed in range(200)}
    assert len(openings) == 200
    again = FILE.prompts.ask_author(HERO, small=True, seed=7)
    assert again == FILE.prompts.ask_author(HERO, small=True, seed=7)


def test_whatever_is_drawn_passes_curation() -> None:
    """Every phrase of the file is drawn about a hundred times here."""
    chance = random.Random(5)  # noqa: S311 (the same heroes each time)
    powers = [*FILE.vocabulary.powers, "juggling"]
    for seed in range(4000):
        hero = Hero(chance.randint(18, 120), chance.choice(["man", "woman"]), chance.choice(powers))
        text = FILE.prompts.ask_author(hero, small=True, seed=seed).render(
            " do what has to be done, and does it before anyone can say a word."
        )
        assert FILE.curation.rejection_reason(hero, text) is None, text
        assert "{" not in text
        assert str(hero.age) in text


@pytest.mark.parametrize(
    ("hero", "words"),
    [
        (Hero(18, "man", "ice"), "18.* ice"),
        (Hero(40, "man", "read in the thoughts"), "reading thoughts"),
    ],
)
def test_what_is_drawn_reads_well(hero: Hero, words: str) -> None:
    for seed in range(100):
        text = FILE.prompts.ask_author(hero, small=True, seed=seed).opening
        assert re.search(words, text), text
        assert not re.search(r"\b[Aa] [aeiou8]|\ban [^aeiou81]|[.!?] [a-z]|^[a-z]|  ", text), text


def test_every_gender_of_the_grid_has_names_and_pronouns() -> None:
    genders = set(FILE.vocabulary.grid.genders)
    profile = FILE.prompts.profile
    assert genders == set(profile.names) == set(profile.forms) == set(FILE.curation.pronouns)


def test_the_worked_examples_pass_curation_themselves() -> None:
    for worked in FILE.prompts.profile.examples:
        assert FILE.curation.trim(worked.text) == worked.text
        assert FILE.curation.rejection_reason(worked, worked.text) is None


def test_no_power_is_named_by_words_that_are_drawn_for_another() -> None:
    """What is drawn must not look like adherence."""
    for seed in range(2000):
        text = FILE.prompts.ask_author(Hero(40, "man", "juggling"), small=True, seed=seed).render(" help.")
        named = [p for p in FILE.vocabulary.powers if FILE.curation.names_power(Hero(40, "man", p), text)]
        assert named == [], text
