"""Adherence: does a description keep its hero, its form and its name. The rules are curation's own.

A model is judged by two shares of its answers: `fit` is the share that curation would let train, and "all
rules at once" the share for which every one of METRICS holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.heroes.curation import (
    ANOTHER_AGE,
    ANOTHER_GENDER,
    ANOTHER_NAME,
    NEVER_NAMED,
    REPEATS_ITSELF,
    TOO_SHORT,
    Curation,
    keeps_age,
    repeats_a_sentence,
)
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import named_people
from bot.heroes.hero import Hero

MIN_WORDS, MAX_WORDS = 60, 120
_OPENING_WORDS = 8

_RULES = {
    "never_wrong_age": ANOTHER_AGE,
    "right_age": ANOTHER_AGE,
    "gender": ANOTHER_GENDER,
    "power": NEVER_NAMED,
    "ends": TOO_SHORT,
    "length_ok": TOO_SHORT,
    "no_repeat": REPEATS_ITSELF,
    "one_name": ANOTHER_NAME,
}
"""The metrics, with the rule of curation that each belongs to."""

METRICS = tuple(_RULES)


@dataclass(frozen=True, slots=True)
class Answer:
    """A hero, a model's raw answer, and why the answer ended (stop or length)."""

    hero: Hero
    text: str
    finish_reason: str


def evaluate(answer: Answer, curation: Curation) -> dict[str, bool]:
    """Return which of METRICS hold for one answer; those of rules that curation leaves out do."""
    hero, text = answer.hero, answer.text
    held = {
        "never_wrong_age": keeps_age(hero, text),
        "right_age": range(hero.age, hero.age + 1) in stated_ages(text),
        "gender": curation.keeps_gender(hero, text),
        "power": curation.names_power(hero, text),
        "ends": answer.finish_reason == "stop",
        "length_ok": MIN_WORDS <= len(text.split()) <= MAX_WORDS,
        "no_repeat": not repeats_a_sentence(text),
        "one_name": len(curation.named_people(text)) == 1,
    }
    return {name: holds or not curation.applies(_RULES[name]) for name, holds in held.items()}


def keeps_all_rules(answer: Answer, curation: Curation) -> bool:
    """Return whether all of METRICS hold for one answer."""
    return all(evaluate(answer, curation).values())


def unfit_reason(answer: Answer, curation: Curation) -> str | None:
    """Return why curation would not let an answer train a model, None if it would."""
    return curation.rejection_reason(answer.hero, curation.trim(answer.text))


def pass_rates(answers: Sequence[Answer], curation: Curation) -> dict[str, float]:
    """Return the shares of answers: by metric, for all of them at once, fit to train, distinct openings."""
    rows = [evaluate(answer, curation) for answer in answers]
    rates = {name: sum(row[name] for row in rows) / len(rows) for name in METRICS}
    return {
        **rates,
        "all_rules": sum(all(row.values()) for row in rows) / len(rows),
        "fit": sum(unfit_reason(answer, curation) is None for answer in answers) / len(answers),
        "distinct_openings": len({masked_opening(answer) for answer in answers}) / len(answers),
    }


def masked_opening(answer: Answer) -> str:
    """Return the first eight words, with name, age, gender and power replaced by placeholders."""
    hero, text = answer.hero, answer.text
    for person in named_people(text)[:1]:
        text = re.sub("|".join(rf"\b{re.escape(part)}\b" for part in person), "NAME", text)
    text = re.sub(re.escape(hero.power), "POWER", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b{hero.gender}\b", "GENDER", text)
    text = re.sub(r"\b(?:an?|An?)\b(?= )", "a", re.sub(rf"\b{hero.age}\b", "AGE", text))
    return " ".join(re.findall(r"[\w'’-]+", text.lower())[:_OPENING_WORDS])  # noqa: RUF001 (curly quotes)
