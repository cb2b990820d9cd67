"""The features of a text, each on its own."""

from pathlib import Path

import pytest

from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.ranking.features import FEATURES, text_features
from bot.settings import ROOT

HEROES = read_heroes(Path(ROOT) / "data" / "heroes.toml")
HERO = Hero(40, "woman", "healing")
TEXT = (
    "Mira Okafor is a 40-year-old woman with the power of healing. She mends the bridge, the boat and the "
    'gate, and he watches. "Come in," she says! Healing takes her one night.'
)


def features(text: str, hero: Hero = HERO) -> dict[str, float]:
    return dict(zip(FEATURES, text_features(hero, text, HEROES.curation), strict=True))


def test_all_features_of_a_text() -> None:
    found = features(TEXT)
    shortest = HEROES.curation.curation.shortest
    assert found == {
        "words": 32,
        "beyond_bounds": max(0, shortest - 32),
        "sentences": 4,
        "sentence_words": 8,
        "sentence_spread": pytest.approx(3.54, abs=0.01),
        "ending_words": 5,
        "word_letters": pytest.approx(4.2, abs=0.1),
        "distinct_words": pytest.approx(0.8, abs=0.05),
        "stop_words": pytest.approx(0.45, abs=0.05),
        "concrete_nouns": pytest.approx(6 / 33, abs=0.02),
        "longest_repeat": 1,
        "commas": 3 / 4,
        "quoted": 2 / 32,
        "exclamations": 1 / 4,
        "power_times": 2,
        "power_place": pytest.approx(10 / 33, abs=0.02),
        "own_pronouns": pytest.approx(3 / 32, abs=0.001),
        "other_pronouns": pytest.approx(1 / 32, abs=0.001),
        "people": 1,
        "opens_with_name": True,
        "age_in_opening": True,
        "faults": found["faults"],
    }


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("words", "He sleeps.", "He sleeps until noon."),
        ("beyond_bounds", TEXT * 3, TEXT * 9),
        ("sentence_spread", "He sleeps. He wakes.", "He sleeps. He wakes and sings until noon."),
        ("ending_words", "He wakes and sings. He sleeps.", "He sleeps. He wakes and sings."),
        ("distinct_words", "He runs and he runs.", "He runs and she swims."),
        ("concrete_nouns", "Her kindness is the solution.", "Her bread is the door."),
        ("longest_repeat", "the old man and the sea", "the old man met the old man"),
        ("quoted", "He says come in.", 'He says "come in".'),
        ("power_place", "Healing is hers at last.", "Hers at last is healing."),
        ("people", "Mira waves.", "Mira waves and Olaf waves."),
        ("faults", TEXT * 2, "Olaf is a 41-year-old man."),
        ("opens_with_name", "In the morning Mira waves.", "Mira waves."),
        ("age_in_opening", "Mira waves. She is 40 years old.", "Mira is 40 years old. She waves."),
    ],
)
def test_a_feature_tells_two_texts_apart(name: str, less: str, more: str) -> None:
    assert features(less)[name] < features(more)[name]


@pytest.mark.parametrize("text", ["", "...", "«»", "\N{PILE OF POO}", "a" * 5000, "Ein Held, über alles."])
def test_any_text_has_features(text: str) -> None:
    assert len(text_features(HERO, text, HEROES.curation)) == len(FEATURES)
    assert len(text_features(Hero(1, "person", "a b"), text, HEROES.curation)) == len(FEATURES)
