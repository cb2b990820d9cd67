"""Other takes of a hero: what a model is asked, and how tones begin a text."""

from dataclasses import replace
from itertools import product

import pytest
from pydantic import ValidationError

from bot.heroes.hero import Hero
from bot.heroes.prompts import Profile
from bot.heroes.takes import take_of
from tests.heroes.test_hero import FILE

HERO = Hero(40, "woman", "healing")
FIRST = "Mira is a careful 40-year-old woman who mends clocks and has the power of healing."
TEXT = f"{FIRST} She drinks black tea. When a dog limps into her shop, she heals its paw."
TONES = FILE.prompts.profile.tones


def test_a_take_begins_as_the_text_before_and_avoids_the_rest_of_it() -> None:
    take = take_of(7, HERO, TEXT, FILE.curation)
    assert (take.parent_id, take.opening, take.tone) == (7, FIRST, None)
    assert take.avoided == {"She drinks black tea.", "When a dog limps into her shop, she heals its paw."}


@pytest.mark.parametrize("text", ["", TEXT.replace("40", "41"), f"{'very ' * 50}long. {TEXT}"])
def test_an_opening_with_a_fault_is_not_kept(text: str) -> None:
    take = take_of(7, HERO, text, FILE.curation)
    assert take.opening == ""
    ask = FILE.prompts.take_request(HERO, take, small=True, seed=1)
    assert [message["role"] for message in ask.messages] == ["user"]


def test_a_small_author_tells_another_plot_after_the_same_opening() -> None:
    hero = Hero(40, "woman", "flight")
    before = FILE.prompts.author_request(hero, small=True, seed=1)
    take = take_of(1, hero, before.render(" the sea. And more."), FILE.curation)
    for seed in range(20):
        ask = FILE.prompts.author_request(hero, small=True, seed=seed, take=take)
        assert ask.opening.startswith(f"{take.opening} ")
        assert ask.ending != before.ending


@pytest.mark.parametrize("tone", TONES)
def test_a_tone_begins_well_with_every_phrase(tone: str) -> None:
    phrases = TONES[tone].phrases
    seen = set()
    for (gender, power), seed in product(
        product(("woman", "man", "person"), ("healing", "flight", "telepathy")), range(40)
    ):
        hero = Hero(40, gender, power)
        before = FILE.prompts.author_request(hero, small=True, seed=seed).opening
        take = take_of(1, hero, before, FILE.curation, tone)
        ask = FILE.prompts.take_request(hero, take, small=True, seed=seed)
        assert "{" not in ask.opening
        whole = f"{ask.opening} {'smile' if gender == 'person' else 'smiles'}."
        assert FILE.curation.fault_in_beginning(hero, whole) is None, whole
        seen |= {scene for scene in phrases["scene"] if scene[1:] in ask.opening}
    assert seen == set(phrases["scene"])


def test_tones_do_not_change_what_builds_ask() -> None:
    plain = FILE.prompts.model_copy(
        update={"profile": FILE.prompts.profile.model_copy(update={"tones": {}, "toned_beginning": None})}
    )
    for seed in range(5):
        asked = [each.author_request(HERO, small=True, seed=seed) for each in (plain, FILE.prompts)]
        assert asked[0].digest == asked[1].digest
    assert FILE.prompts.tuned_request(HERO).digest == plain.tuned_request(HERO).digest


def test_a_hosted_model_is_told_the_opening_and_the_tone() -> None:
    take = take_of(1, HERO, TEXT, FILE.curation, "gentle")
    tuned = FILE.prompts.take_request(HERO, take, small=False, seed=1)
    author = FILE.prompts.author_request(HERO, small=False, seed=1, take=take)
    assert tuned.messages[-1] == FILE.prompts.tuned_request(HERO).messages[0]
    for told in (tuned.messages[0], author.messages[0]):
        assert TONES["gentle"].instruction in told["content"]
        assert FIRST in told["content"]
    nothing = replace(take, opening="", tone=None)
    assert len(FILE.prompts.take_request(HERO, nothing, small=False, seed=1).messages) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"toned_beginning": None}, "no toned_beginning"),
        ({"tones": {"Very loud": TONES["funny"]}}, "small letters"),
        ({"tones": {"loud": {"instruction": "", "phrases": {"roar": ["grr"]}}}}, "has not: roar"),
        ({"tones": {"loud": {"instruction": "", "phrases": {"look": ["{nobody} waves."]}}}}, "unknown word"),
    ],
)
def test_a_mistake_in_a_tone_is_said(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Profile.model_validate(FILE.prompts.profile.model_dump() | change)
