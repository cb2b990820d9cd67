"""Curation: which written texts may train a model, and why the others may not."""

import re
from collections.abc import Sequence

from bot.hero import Hero
from bot.part import Part

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’']?\s+")  # noqa: RUF001 (texts close with curly quotes)
_STATED_AGES = (
    re.compile(r"\b(\d{1,3})[- ]years?\b"),
    re.compile(r"\bat (\d{1,3}),"),
    re.compile(r"\bis (\d{1,3}),"),
)


class _Bounds(Part):
    shortest: int
    longest: int
    attempts: int


class Curation(Part):
    """The rules: word counts, and the word beginnings by which a text shows its hero."""

    curation: _Bounds
    stems: dict[str, tuple[str, ...]]
    pronouns: dict[str, tuple[str, ...]]

    @property
    def attempts(self) -> int:
        """How often one example is asked for before it is given up."""
        return self.curation.attempts

    def trim(self, text: str) -> str:
        """The text on one line without asterisks, cut at the last sentence end within the longest length."""
        kept: list[str] = []
        words = 0
        for sentence in sentences(re.sub(r"\s+", " ", text.replace("*", "")).strip()):
            words += len(sentence.split())
            if words > self.curation.longest and kept:
                break
            kept.append(sentence)
        while kept and not kept[-1].endswith((".", "!", "?", '"', "”")):  # what max_tokens cut short
            kept.pop()
        return " ".join(kept)

    def fault(self, hero: Hero, text: str) -> str | None:
        """Why a trimmed text may not train, in two or three words; None where it may."""
        words = len(text.split())
        lower = text.lower()
        faults = (
            (words < self.curation.shortest, "too short"),
            (words > self.curation.longest + 10, "too long"),
            (any(age != hero.age for age in _ages(lower)), "another age"),
            (self._leans_away(hero.gender, lower), "another gender"),
            (not self._names(hero.power, lower), "power never named"),
            (repeats_itself(text), "repeats a sentence"),
        )
        return next((reason for found, reason in faults if found), None)

    def _leans_away(self, gender: str, lower: str) -> bool:
        """Whether another gender's pronouns outnumber those of the one that was asked for."""
        counts = {
            known: sum(lower_word in pronouns for lower_word in re.findall(r"[a-z]+", lower))
            for known, pronouns in self.pronouns.items()
        }
        own = counts.pop(gender, 0)
        return any(count > own for count in counts.values())

    def _names(self, power: str, lower: str) -> bool:
        stems = self.stems.get(power) or (max(power.split(), key=len)[:5],)
        return any(re.search(rf"\b{re.escape(stem)}", lower) for stem in stems)


def sentences(text: str) -> Sequence[str]:
    """The sentences of a text, each with its closing mark."""
    return [part for part in _SENTENCE_END.split(text) if part]


def repeats_itself(text: str) -> bool:
    parts = [part.lower() for part in sentences(text)]
    return len(set(parts)) < len(parts)


def _ages(lower: str) -> list[int]:
    return [int(found) for pattern in _STATED_AGES for found in pattern.findall(lower)]
