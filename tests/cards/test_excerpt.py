"""What a card takes from a text: the name and the deed."""

import json

import pytest

from bot.cards.card import alt_text, card_content
from bot.cards.excerpt import best_sentence, name_in, sentences
from bot.heroes.config import HeroesConfig, read_heroes
from bot.heroes.hero import Hero
from bot.shipped_files import shipped


@pytest.fixture(scope="module")
def heroes() -> HeroesConfig:
    return read_heroes(shipped("data/heroes.toml"))


MIRA = (
    "Mira Sokolova is a calm 40-year-old woman who keeps bees and has the power of healing. She likes "
    "healing better than small talk. When a stray dog limps into the yard, she lays a hand on its paw and "
    "mends it. The dog brings her a shoe."
)


def test_the_deed_is_chosen_and_the_name_is_found(heroes: HeroesConfig) -> None:
    hero = Hero(40, "woman", "healing")
    assert name_in(MIRA, heroes.curation) == "Mira Sokolova"
    assert best_sentence(hero, MIRA, heroes.curation).startswith("When a stray dog limps")
    content = card_content(hero, MIRA, "Written by model 3", heroes.vocabulary, heroes.curation)
    assert (content.about, content.power, content.family) == ("40-year-old woman", "healing", "healing")
    assert alt_text(content) == (
        "Hero card: Mira Sokolova, 40-year-old woman, healing. “When a stray dog limps into the yard, she "
        "lays a hand on its paw and mends it.” Written by model 3."
    )


def test_a_habit_is_no_deed_however_it_begins(heroes: HeroesConfig) -> None:
    deed = "While a child at summer camp fears the dark, she sits down by the bunk and softly glows."
    text = (
        "Esther is a loyal 90-year-old woman who has the power of glowing in the dark. Before bedtime she "
        f"reads a book about the dark side of the universe. {deed} At breakfast it rains."
    )
    assert best_sentence(Hero(90, "woman", "glowing in the dark"), text, heroes.curation) == deed


def test_most_texts_that_come_with_the_bot_show_their_deed(heroes: HeroesConfig) -> None:
    """Their plots are a scene and a deed in one sentence; introductions and habits are not it."""
    lines = shipped("data/first_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines][::7]
    named = deeds = 0
    for row in rows:
        hero = Hero(row["age"], row["gender"], row["power"])
        sentence = best_sentence(hero, row["text"], heroes.curation)
        assert sentence in row["text"]
        named += bool(name_in(row["text"], heroes.curation))
        deeds += "year-old" not in sentence and any(
            f" {word} " in f" {sentence} " for word in ("he", "she", "they")
        )
    assert named > 0.98 * len(rows)
    assert deeds > 0.9 * len(rows)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("One.", ["One."]),
        ('He says "Go!" and leaves. They do not.', ['He says "Go!" and leaves.', "They do not."]),
        ("Dr. Who meets Mr. Fox. J. Smith waits", ["Dr. Who meets Mr. Fox.", "J. Smith waits"]),
        ("“Stop!” It stops…", ["“Stop!”", "It stops…"]),
    ],
)
def test_sentences_keep_their_marks(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize("text", ["", "...", "no capital no end", "🔥", "日本語の文。", "X" * 5000])
def test_any_text_makes_a_card(heroes: HeroesConfig, text: str) -> None:
    content = card_content(
        Hero(1, "person", "🔥"), text, "Written by the base model", heroes.vocabulary, heroes.curation
    )
    assert content.family == ""
    assert len(alt_text(content)) <= 1024
