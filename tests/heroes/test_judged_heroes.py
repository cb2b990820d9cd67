"""Texts that a person has judged: curation finds the faults in hero and name, and leaves good prose alone."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.heroes.curation import ANOTHER_GENDER, ANOTHER_NAME, sentences
from bot.heroes.first_dataset import FirstDataset
from bot.heroes.hero import Hero
from bot.settings import ROOT

HEROES = read_heroes(ROOT / "data" / "heroes.toml")
MISSED = {
    "Gregor",  # "they" for a man, no oftener than "he" of his own and of somebody else
    "Bertil",  # turns into "she" after "the bride's ring", who may be meant
    "Lars",  # turns into "she" after a child, who may be meant
}
TAKEN_FOR_A_PERSON = {"Etna"}  # a mountain that wakes


@dataclass(frozen=True)
class Judged:
    """A text, and the rule that it breaks, None if it is good."""

    hero: Hero
    fault: str | None
    text: str


def judged() -> list[Judged]:
    """Return the texts of judged_heroes.jsonl, whose `kind` says what is wrong, or what may look wrong."""
    rows = map(json.loads, Path(__file__).with_name("judged_heroes.jsonl").read_text("utf-8").splitlines())
    return [Judged(Hero(row["age"], row["gender"], row["power"]), row["fault"], row["text"]) for row in rows]


def good() -> list[Judged]:
    """Return the good texts, but for those whose place is taken for a person."""
    return [
        case
        for case in judged()
        if not case.fault and not any(name in case.text for name in TAKEN_FOR_A_PERSON)
    ]


def faults(hero: Hero, text: str) -> set[str]:
    return {*HEROES.curation.faults(hero, text)} & {ANOTHER_GENDER, ANOTHER_NAME}


@pytest.mark.parametrize("case", [case for case in judged() if case.fault], ids=lambda case: case.text[:40])
def test_a_fault_is_found(case: Judged) -> None:
    assert (case.fault in faults(case.hero, case.text)) is not any(name in case.text for name in MISSED)


@pytest.mark.parametrize("case", good(), ids=lambda case: case.text[:40])
def test_good_prose_is_left_alone(case: Judged) -> None:
    assert faults(case.hero, case.text) == set()
    assert len(HEROES.curation.named_people(case.text)) == 1


def test_no_beginning_of_a_good_text_is_rejected() -> None:
    blocklist = Blocklist(ROOT / "data" / "blocked.txt", HEROES.vocabulary.powers)
    shipped = FirstDataset(ROOT / "data" / "first_dataset.jsonl", HEROES, blocklist).read()
    texts = [(case.hero, case.text) for case in good()] + [(each.hero, each.text) for each in shipped]
    for hero, text in texts:
        parts = sentences(text)
        for length in range(1, len(parts)):
            beginning = " ".join(parts[:length])
            assert HEROES.curation.fault_in_beginning(hero, beginning) is None, beginning
