"""The prompts of models."""

import random
import re

import pytest

from bot.heroes.hero import Hero
from tests.heroes.test_hero import FILE

HERO = Hero(40, "woman", "healing")


def test_the_tuning_prompt_is_a_user_message() -> None:
    ask = FILE.prompts.tuned_request(HERO)
    assert ask.messages == ({"role": "user", "content": "40, woman, healing ->"},)
    assert ask.opening == ""


def test_a_large_author_gets_only_the_generation_prompt() -> None:
    ask = FILE.prompts.author_request(HERO, small=False, seed=1)
    assert [message["role"] for message in ask.messages] == ["user"]
    assert "a 40-year-old woman fictional character who has the superpower of healing." in str(ask.messages)


def test_a_small_author_gets_a_worked_example_and_an_opening() -> None:
    ask = FILE.prompts.author_request(HERO, small=True, seed=1)
    assert [message["role"] for message in ask.messages] == ["user", "assistant", "user", "assistant"]
    assert ask.messages[-1]["content"] == ask.opening
    assert all(word in ask.opening for word in ("40", "woman", "healing"))


def test_a_small_authors_first_sentence_is_put_between_opening_and_ending() -> None:
    ask = FILE.prompts.author_request(HERO, small=True, seed=1)
    whole = ask.render(" mend what is broken! She wanders off, as small models do.")
    assert whole == f"{ask.opening} mend what is broken! {ask.ending}"
    assert FILE.curation.trim(whole) == whole


def test_a_truncated_sentence_gets_no_ending() -> None:
    ask = FILE.prompts.author_request(HERO, small=True, seed=1)
    assert ask.render(" mend what is") == f"{ask.opening} mend what is"


def test_openings_depend_on_the_seed_alone() -> None:
    openings = {FILE.prompts.author_request(HERO, small=True, seed=seed).opening for seed in range(200)}
    assert len(openings) == 200
    again = FILE.prompts.author_request(HERO, small=True, seed=7)
    assert again == FILE.prompts.author_request(HERO, small=True, seed=7)


def test_every_drawn_text_passes_curation() -> None:
    """Every phrase of the file is drawn about a hundred times."""
    chance = random.Random(5)  # noqa: S311 (the same heroes each time)
    powers = [*FILE.vocabulary.powers, "juggling"]
    for seed in range(4000):
        hero = Hero(chance.randint(18, 120), chance.choice(FILE.vocabulary.genders), chance.choice(powers))
        text = FILE.prompts.author_request(hero, small=True, seed=seed).render(
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
def test_drawn_openings_are_grammatical(hero: Hero, words: str) -> None:
    for seed in range(100):
        text = FILE.prompts.author_request(hero, small=True, seed=seed).opening
        assert re.search(words, text), text
        assert not re.search(r"\b[Aa] [aeiou8]|\ban [^aeiou81]|[.!?] [a-z]|^[a-z]|  ", text), text


def test_every_gender_has_names_and_pronouns() -> None:
    genders = set(FILE.vocabulary.genders)
    profile = FILE.prompts.profile
    assert genders == set(profile.names) == set(profile.forms) == set(FILE.curation.pronouns)


def test_the_worked_examples_pass_curation() -> None:
    for worked in FILE.prompts.profile.examples:
        assert FILE.curation.trim(worked.text) == worked.text
        assert FILE.curation.rejection_reason(worked, worked.text) is None


def test_drawn_words_name_no_other_power() -> None:
    """Otherwise the drawn words would count as adherence."""
    juggler = Hero(40, "man", "juggling")
    for seed in range(2000):
        text = FILE.prompts.author_request(juggler, small=True, seed=seed).render(" help.")
        named = [p for p in FILE.vocabulary.powers if FILE.curation.names_power(Hero(40, "man", p), text)]
        assert named == [], text
