"""Metrics of one description: does it keep its hero, its form and its name. The rules are curation's own."""

import re
from collections.abc import Sequence

from bench.common.answers import Answer
from bot.heroes.curation import Curation, keeps_age, repeats_a_sentence
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import named_people

MIN_WORDS, MAX_WORDS = 60, 120
_OPENING_WORDS = 8

METRICS = (
    "never_wrong_age",
    "right_age",
    "gender",
    "power",
    "ends",
    "length_ok",
    "no_repeat",
    "one_name",
)


def evaluate(answer: Answer, curation: Curation) -> dict[str, bool]:
    """Return which of METRICS hold for one answer."""
    hero, text = answer.hero, answer.text
    return {
        "never_wrong_age": keeps_age(hero, text),
        "right_age": range(hero.age, hero.age + 1) in stated_ages(text),
        "gender": curation.keeps_gender(hero, text),
        "power": curation.names_power(hero, text),
        "ends": answer.finish_reason == "stop",
        "length_ok": MIN_WORDS <= len(text.split()) <= MAX_WORDS,
        "no_repeat": not repeats_a_sentence(text),
        "one_name": len(named_people(text)) == 1,
    }


def pass_rates(answers: Sequence[Answer], curation: Curation) -> dict[str, float]:
    """Return the share of answers for which each metric holds, and the share of distinct openings."""
    rows = [evaluate(answer, curation) for answer in answers]
    rates = {name: sum(row[name] for row in rows) / len(rows) for name in METRICS}
    return {**rates, "distinct_openings": len({masked_opening(answer) for answer in answers}) / len(answers)}


def masked_opening(answer: Answer) -> str:
    """Return the first eight words, with name, age, gender and power replaced by placeholders."""
    hero, text = answer.hero, answer.text
    for person in named_people(text)[:1]:
        text = re.sub("|".join(rf"\b{re.escape(part)}\b" for part in person), "NAME", text)
    text = re.sub(re.escape(hero.power), "POWER", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b{hero.gender}\b", "GENDER", text)
    text = re.sub(r"\b(?:an?|An?)\b(?= )", "a", re.sub(rf"\b{hero.age}\b", "AGE", text))
    return " ".join(re.findall(r"[\w'’-]+", text.lower())[:_OPENING_WORDS])  # noqa: RUF001 (curly quotes)
