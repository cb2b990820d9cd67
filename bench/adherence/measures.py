"""Measures of one description: does it keep its hero, its form and its name. The rules are curation's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.heroes.curation import Curation, keeps_age, repeats_a_sentence
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import named_people
from bot.heroes.hero import Hero

SHORTEST, LONGEST = 60, 120  # words
_FIRST_WORDS = 8

MEASURES = (
    "never_wrong_age",
    "right_age",
    "gender",
    "power",
    "ends",
    "length_ok",
    "no_repeat",
    "one_name",
)


@dataclass(frozen=True, slots=True)
class Described:
    """A hero, the model's raw answer, and why the answer ended (stop or length)."""

    hero: Hero
    text: str
    finish_reason: str


def measured(one: Described, curation: Curation) -> dict[str, bool]:
    """What holds of a description, by the names of MEASURES."""
    hero, text = one.hero, one.text
    return {
        "never_wrong_age": keeps_age(hero, text),
        "right_age": range(hero.age, hero.age + 1) in stated_ages(text),
        "gender": curation.keeps_gender(hero, text),
        "power": curation.names_power(hero, text),
        "ends": one.finish_reason == "stop",
        "length_ok": SHORTEST <= len(text.split()) <= LONGEST,
        "no_repeat": not repeats_a_sentence(text),
        "one_name": len(named_people(text)) == 1,
    }


def shares(every: Sequence[Described], curation: Curation) -> dict[str, float]:
    """The share of descriptions of which each measure holds, and that of distinct openings."""
    rows = [measured(one, curation) for one in every]
    held = {name: sum(row[name] for row in rows) / len(rows) for name in MEASURES}
    return {**held, "distinct_openings": len({masked_opening(one) for one in every}) / len(every)}


def masked_opening(one: Described) -> str:
    """The first eight words, with name, age, gender and power each as one word that is always the same."""
    text = one.text
    for person in named_people(text)[:1]:
        text = re.sub("|".join(rf"\b{re.escape(part)}\b" for part in person), "NAME", text)
    hero = one.hero
    text = re.sub(re.escape(hero.power), "POWER", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b{hero.gender}\b", "GENDER", text)
    text = re.sub(r"\b(?:an?|An?)\b(?= )", "a", re.sub(rf"\b{hero.age}\b", "AGE", text))
    return " ".join(re.findall(r"[\w'’-]+", text.lower())[:_FIRST_WORDS])  # noqa: RUF001 (curly quotes)
