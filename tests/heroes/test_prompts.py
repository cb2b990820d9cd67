"""The prompts of models."""

import random
import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from bot.chat import ChatRequest, Sampling
from bot.heroes.grammar import is_third_person
from bot.heroes.hero import Hero
from bot.heroes.prompts import Profile
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


@pytest.mark.parametrize(
    ("hero", "words"),
    [
        (Hero(18, "woman", "healing"), "of an 18-year-old woman fictional"),
        (
            Hero(80, "person", "teleport"),
            "of an 80-year-old person fictional character who has the superpower of teleportation.",
        ),
        (
            Hero(30, "man", "read in the thoughts"),
            "of a 30-year-old man fictional character who has the superpower of reading thoughts.",
        ),
    ],
)
def test_the_generation_prompt_is_grammatical(hero: Hero, words: str) -> None:
    assert words in FILE.prompts.generation_prompt(hero)
    assert FILE.prompts.tuning_prompt(hero) == f"{hero.age}, {hero.gender}, {hero.power} ->"


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


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (" a hat, and she wears it.", " a hat."),
        (" a hat. She wears it.", " a hat."),
        (" a small, blue hat that she", " a small, blue hat."),  # cut short, but after the break
        (" a hat and she ", " a hat."),
    ],
)
def test_a_sentence_before_a_plot_ends_at_its_first_break(answer: str, sentence: str) -> None:
    ask = FILE.prompts.author_request(Hero(40, "woman", "flight"), small=True, seed=1)
    assert ask.render(answer) == f"{ask.opening}{sentence} {ask.ending}"


def test_a_sentence_without_a_plot_is_whole() -> None:
    ask = FILE.prompts.author_request(Hero(40, "woman", "juggling"), small=True, seed=1)
    assert ask.render(" mend a hat, and she wears it.") == (
        f"{ask.opening} mend a hat, and she wears it. {ask.ending}"
    )


def test_openings_depend_on_the_seed_alone() -> None:
    openings = {FILE.prompts.author_request(HERO, small=True, seed=seed).opening for seed in range(200)}
    assert len(openings) == 200
    again = FILE.prompts.author_request(HERO, small=True, seed=7)
    assert again == FILE.prompts.author_request(HERO, small=True, seed=7)


def test_every_drawn_text_passes_curation() -> None:
    """Every phrase of the file is drawn about a hundred times."""
    chance = random.Random(5)  # noqa: S311 (the same heroes each time)
    powers = [*FILE.vocabulary.powers, *["juggling"] * len(FILE.vocabulary.powers)]  # with plots, and without
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


# Verbs with another subject than the hero, and nouns that look like verbs.
NOT_THE_HEROS = re.compile(
    r"(evening|anyone|nobody|kettle|street|{power}) (is|has|keeps|listens)|{remembers} is"
    r"|{counts} steps|{collects} buttons"
)


def test_every_verb_of_the_hero_is_in_braces() -> None:
    """One that is not would not agree with "they"."""
    profile = FILE.prompts.profile
    phrases = [
        *profile.endings,
        *(phrase for kind in ("look", "habit", "lead") for phrase in profile.phrases[kind]),
    ]
    verbs = {verb for phrase in phrases for verb in re.findall(r"{(\w+s)}", phrase)} - {"his"}
    assert len(verbs) > 50
    for phrase in phrases:
        _, he, predicate = phrase.partition("{he}")
        if he:
            words = re.findall(r"(?<![{\w])\w+(?![}\w])", NOT_THE_HEROS.sub("", predicate))
            assert not verbs.intersection(words), phrase


def test_verbs_agree_with_they() -> None:
    """Every phrase of the file is drawn about thirty times."""
    singular = re.compile(r"\bthey (?:never |always |still |\w+ly )?(\w+)")
    chance = random.Random(6)  # noqa: S311 (the same heroes each time)
    for seed in range(1500):
        hero = Hero(chance.randint(18, 120), "person", chance.choice(FILE.vocabulary.powers))
        ask = FILE.prompts.author_request(hero, small=True, seed=seed)
        text = f"{ask.opening} {ask.ending}"
        assert f"{hero.age}-year-old person" in text
        verbs = singular.findall(text.lower())
        assert [verb for verb in verbs if is_third_person(verb)] == [], text
        assert not re.search(r"\b(?:he|she|his|her|him|himself|herself|has never|hers)\b", text.lower()), text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{he} {walks} home and {is} content.", "They walk home and are content."),
        (
            "{he} {has} promised {himself} that {he} {carries} {his} hat.",
            "They have promised themself that they carry their hat.",
        ),
        (
            "when {he} {passes}, {name}'s dog barks. {he} {goes} on.",
            "When they pass, Robin's dog barks. They go on.",
        ),
        ("a {age}-year-old {gender} with {power}.", "An 80-year-old person with flight."),
    ],
)
def test_a_template_is_written_for_a_person(template: str, text: str) -> None:
    profile = _profile(endings=(template,), names={"person": ("Robin",)})
    assert profile.frame(Hero(80, "person", "flight"), "flight", random.Random(1))[1] == text  # noqa: S311


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{nmae} walks.", r"unknown word \{nmae\}"),
        ("{he} {walk} home.", r"unknown word \{walk\}"),
        ("{he} {miss} the tram.", r"unknown word \{miss\}"),
        ("{he} {} home.", r"unknown word \{\}"),
        ("{he} {walks home.", "expected '}'"),
        ("{he!z} {walks} home.", "more than the word he in braces"),
        ("{age:s} years.", "more than the word age in braces"),
    ],
)
def test_an_unknown_word_in_braces_is_named_when_the_file_is_read(template: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        _profile(endings=(template,))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"endings": ()}, "endings"),
        ({"examples": ()}, "examples"),
        ({"phrases": {**FILE.prompts.profile.phrases, "detail": ()}}, r"phrases\.detail"),
    ],
)
def test_a_list_to_draw_from_is_not_empty(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        _profile(**changes)


@pytest.mark.parametrize("word", ["detail", "lead_in"])
def test_a_phrase_has_no_word_that_is_drawn_later(word: str) -> None:
    phrases = FILE.prompts.profile.phrases
    changed = {**phrases, "detail": (*phrases["detail"], f"{{he}} {{is}} {{{word}}}.")}
    with pytest.raises(ValidationError, match=f"of detail has {{{word}}}, which is not drawn before it"):
        _profile(phrases=changed)


def _profile(**changes: object) -> Profile:
    return Profile.model_validate({**FILE.prompts.profile.model_dump(), "plots": (), **changes})


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


def test_a_request_is_stored_under_the_key_that_it_had_before_there_were_breaks() -> None:
    """Otherwise what was asked and paid for before would be asked for again."""
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=250)
    request = ChatRequest(({"role": "user", "content": "40, woman, healing ->"},), sampling, seed=7)
    assert request.digest == "5b25a739d58d12c36db21968048132da38b0c5352709cbf229ed3f1f3cefc553"
    assert replace(request, breaks=(" but ",)).digest != request.digest
    hotter = replace(request, sampling=sampling.model_copy(update={"min_p": 0.1}))
    assert hotter.digest != request.digest
    assert "min_p" not in sampling.model_dump()  # nor in the other keys that are made of it
