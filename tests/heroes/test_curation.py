"""Curation: which texts may train, and why others may not."""

import pytest

from bot.heroes.curation import through_sentence, whole_sentences
from bot.heroes.hero import Hero
from tests.heroes.test_hero import FILE
from tests.support.scripted_server import describe

CURATION = FILE.curation
HERO = Hero(40, "woman", "healing")
GOOD = describe("40", "woman", "healing")


def test_a_good_text_passes() -> None:
    assert CURATION.rejection_reason(HERO, GOOD) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Robin heals.", "too short"),
        ((GOOD + " ") * 3, "too long"),
        (GOOD.replace("40-year-old", "55-year-old"), "another age"),
        (GOOD.replace("Robin is a 40-year-old woman", "At 55, Robin is a woman"), "another age"),
        (GOOD.replace("She", "He").replace("she", "he"), "another gender"),
        (GOOD.replace("healing", "flight"), "power never named"),
        (
            GOOD.replace("She lives", "He lives").replace("a 40-year-old woman", "a 40-year-old man"),
            "another gender",
        ),
        (GOOD + " " + GOOD.split(". ")[1] + ".", "repeats itself"),
        (GOOD + " Her brother mends clocks in a harbour town, too.", "repeats itself"),
        (GOOD + " Clara knows.", "another name"),
        (GOOD + " Will you meet her?", "not a tale"),
        (GOOD + " I have met her once.", "not a tale"),
        (GOOD + " This character is fictional.", "not a tale"),
        (GOOD + " [Continue here.]", "not a tale"),
        (GOOD + " Она лечит.", "not a tale"),
    ],
)
def test_each_reason_is_named(text: str, fault: str) -> None:
    assert CURATION.rejection_reason(HERO, text) == fault


def test_quoted_speech_may_say_you() -> None:
    assert CURATION.rejection_reason(HERO, GOOD + ' "I will help you," she says.') is None


THEY = (
    "Robin is a 40-year-old person with the power of healing. They live above a bakery, mend their own "
    "coats and sleep with their window open. When somebody calls, they are there before their kettle boils."
)


@pytest.mark.parametrize(
    ("gender", "text", "keeps"),
    [
        ("person", THEY, True),
        ("person", THEY + " A boy thanks Robin; he smiles.", True),
        ("person", THEY.replace("person", "woman"), False),
        ("person", THEY.replace("They", "She").replace("their own", "her own"), False),
        ("person", GOOD.replace("woman", "person"), False),
        ("person", "Robin, a 40-year-old person, heals. A woman thanks them.", True),
        ("person", "Robin, who is 40, heals a woman.", True),
        # who else is spoken of may have a pronoun, and come first
        ("man", "A girl weeps, for she has lost her cat. Bo, a 40-year-old man, heals it. He hums.", True),
        ("man", "Bo, a 40-year-old man, heals a nurse. She thanks him. He hums.", True),
        ("woman", 'Ada, a woman, heals. "He is asleep," says the boy. She hums.', True),
        ("man", "Bo, a 40-year-old man, heals a boy. She hums, and she is glad.", False),
        ("man", "Bo is a baker, a 40-year-old man. She hums.", False),
        ("man", "A little girl named Robin hums. She is a 40-year-old man who heals.", False),
        ("man", "A girl falls. Bo, a 40-year-old man, hums, and she uses her power on him.", False),
        ("man", "Bo, a man, helps a nurse. He hums. She nods. She sings. Her hands heal. She goes.", False),
        ("man", "In a harbour town lives a woman named Bo. His coat is green.", False),
        ("man", "Bo is a quiet woman. His coat is green.", False),
        ("woman", GOOD, True),
        ("woman", GOOD + " The people cheer, and they all tell their children of them.", True),
        (
            "woman",
            "No person is kinder than Ada, a woman of forty. She heals them all, and they thank her.",
            True,
        ),
        ("woman", THEY.replace("person", "woman"), False),
        ("woman", "Ada, a woman, heals. They smile, and their hands are warm.", True),
        ("man", "Bo, a man, heals. They smile, their hands are warm, and they go home.", False),
        ("man", "Bo, a person, heals. He smiles, and his hands are warm.", True),
        # a model's mixtures, in which the hero turns into "they", or is called a person
        ("man", "Bo, a 40-year-old man, hides his power. They hum and drop their hat when they heal.", False),
        ("man", "Bo, a 40-year-old person, heals. He smiles, and his hands are warm.", False),
        ("man", "Bo, a 40-year-old man, heals his hens. A 9-year-old person thanks him.", False),
        ("man", "Bo, a man, heals twins. He smiles, they bow, and he bows to them and their goat.", True),
        ("woman", "Ada is a 40-year-old person. She heals, and her hands are warm.", False),
        (
            "woman",
            "Ada, a woman, rests. They heal with their hands, and they use their power for her.",
            False,
        ),
        ("woman", "Ada, a woman, has healed two twins. They thank her, and she waves to them.", True),
        ("person", "A quiet 40-year-old man named Samir heals. He has green eyes.", False),
        (
            "person",
            "Samir, a 40-year-old person, heals. He has green eyes, and they miss very little.",
            False,
        ),
        ("person", "Robin is a 40-year-old person. She wears their coat, and her jokes are bad.", False),
        ("person", "Robin hums to their cat. They heal, and their neighbor says that she likes it.", True),
        ("person", "Robin is a 40-year-old person who heals. Robin hums, and Robin is content.", True),
        # names of data/heroes.toml
        ("man", "Yasmin is a 40-year-old man who heals. He hums.", False),
        ("man", "A lucky 40-year-old man named Ruth heals. His coat is green.", False),
        ("woman", "In a harbour town lives Milan, a 40-year-old woman. She hums.", False),
        ("man", "Omar, a 40-year-old man, heals Yasmin. He hums.", True),
        ("man", "Robin, a 40-year-old man, heals. He hums.", True),
        ("woman", "Ottilie, a 40-year-old woman, heals. She hums.", True),
        ("person", "Ruth is a 40-year-old person who heals. They hum.", True),
        ("woman", "Clara Walter is a 40-year-old woman who heals. She hums.", True),
        ("woman", "Ada Walter is a 40-year-old woman who heals. She hums.", True),
        ("woman", "Born in the hills above Milan, she heals. She hums.", True),
        ("woman", "From Milan came a woman. She hums.", True),
    ],
)
def test_a_text_keeps_the_gender(gender: str, text: str, keeps: bool) -> None:
    assert CURATION.keeps_gender(Hero(40, gender, "healing"), text) is keeps


def test_a_power_outside_the_stems_is_named_by_its_longest_word() -> None:
    hero = Hero(40, "woman", "throwing pancakes")
    assert CURATION.rejection_reason(hero, describe("40", "woman", "pancake throwing")) is None
    assert CURATION.rejection_reason(hero, GOOD) == "power never named"


def test_trim_cuts_at_a_sentence_end_and_drops_markup() -> None:
    sentence = "She *walks* home and sings a very old song about the sea. "
    trimmed = CURATION.trim(sentence * 20)
    assert len(trimmed.split()) <= 110
    assert trimmed.endswith("sea.")
    assert "*" not in trimmed


def test_trim_drops_a_truncated_sentence() -> None:
    assert CURATION.trim("She heals. She walks and") == "She heals."
    assert CURATION.trim("no sentence at all") == ""


def test_all_faults_of_a_text_are_named() -> None:
    assert CURATION.faults(HERO, GOOD) == []
    assert CURATION.faults(HERO, "You met a 41-year-old man.") == [
        "too short",
        "another age",
        "another gender",
        "power never named",
        "not a tale",
    ]


@pytest.mark.parametrize(
    ("beginning", "fault"),
    [
        ("Robin mends clocks.", None),  # short, and without the power: the rest may mend both
        ("Robin, a 40-year-old woman, mends clocks.", None),
        ("Robin, a 41-year-old woman, mends clocks.", "another age"),
        ("Robin, a man, mends clocks.", "another gender"),
        ("Robin and Olga Brown mend clocks.", "another name"),
        ("Iron listens to Robin.", None),  # "iron" may follow
        ("She hums.", None),
        ('Robin hums. "I mend your clock. He is', None),  # the speech may end
        ("Robin hums. He mends clocks.", "another gender"),
        ("A boy weeps. He has lost his cat, and his shoes are wet.", None),
        ("Robin hums. They mend clocks, and they sing, and they go to their beds.", None),
        ("You know Robin.", "not a tale"),
        ("Robin mends clocks. Robin mends clocks.", "repeats itself"),
    ],
)
def test_a_beginning_is_judged_by_what_the_rest_will_not_mend(beginning: str, fault: str | None) -> None:
    assert CURATION.fault_in_beginning(HERO, beginning) == fault


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("Robin mends", ""),
        ("Robin mends.", "Robin mends."),
        ("Robin mends. She sle", "Robin mends."),
        ("At 3.5 Robin mends! She", "At 3.5 Robin mends!"),
        ('"Come in." She sle', '"Come in."'),
        ("Is it Robin? She sleeps. And", "Is it Robin? She sleeps."),
    ],
)
def test_whole_sentences_of_an_unfinished_text(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole


@pytest.mark.parametrize(
    ("length", "beginning"),
    [
        (1, "One."),
        (4, "One."),
        (5, "One. Two!"),
        (9, "One. Two!"),
        (10, "One. Two! Three"),
        (99, "One. Two! Three"),
    ],
)
def test_a_beginning_ends_with_the_sentence_that_reaches_a_length(length: int, beginning: str) -> None:
    assert through_sentence("One. Two! Three", length) == beginning
