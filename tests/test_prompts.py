"""What models are asked."""

from bot.hero import Hero
from tests.test_hero import FILE

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


def test_openings_and_names_vary_with_the_seed_and_only_with_it() -> None:
    openings = {FILE.prompts.ask_author(HERO, small=True, seed=seed).opening for seed in range(200)}
    assert len(openings) > 50
    again = FILE.prompts.ask_author(HERO, small=True, seed=7)
    assert again == FILE.prompts.ask_author(HERO, small=True, seed=7)


def test_every_gender_of_the_grid_has_names_and_pronouns() -> None:
    genders = set(FILE.vocabulary.grid.genders)
    assert genders == set(FILE.prompts.profile.names) == set(FILE.curation.pronouns)


def test_the_worked_examples_pass_curation_themselves() -> None:
    for worked in FILE.prompts.profile.examples:
        hero = Hero(worked.age, worked.gender, worked.power)
        assert FILE.curation.trim(worked.text) == worked.text
        assert FILE.curation.fault(hero, worked.text) is None
