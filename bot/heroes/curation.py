"""Curation: which written texts may train a model, and why the others may not."""

import re
from collections import Counter
from collections.abc import Sequence

from bot.config import FrozenModel
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import people
from bot.heroes.hero import Hero
from bot.i18n.message import mark

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’']?\s+")  # noqa: RUF001 (texts close with curly quotes)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
TOO_SHORT = mark("too short")

_LONGEST_ECHO = 6  # words that may come twice in one order

# What a description never says: it speaks of a hero, not to a reader nor about itself.
_NOT_TOLD = re.compile(
    r"\b(?:you|your|yours|yourself|i|i'm|my|me|we|our|us"
    r"|fictional|character|description|story is|word limit|as an ai|\d+ words)\b"
)
_MARKUP = re.compile(r"[\[\]{}<>#|_\\]|https?:")
_OTHER_SCRIPT = re.compile(r"[^\x00-\u024f\u2000-\u206f\u20ac]")


class _Bounds(FrozenModel):
    shortest: int
    longest: int
    attempts: int


class Curation(FrozenModel):
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
        for sentence in sentences(" ".join(text.replace("*", "").split())):
            words += len(sentence.split())
            if words > self.curation.longest and kept:
                break
            kept.append(sentence)
        while kept and not kept[-1].endswith((".", "!", "?", '"', "”")):  # what max_tokens cut short
            kept.pop()
        return " ".join(kept)

    def rejection_reason(self, hero: Hero, text: str) -> str | None:
        """Why a trimmed text may not train, in two or three words; None where it may."""
        words = len(text.split())
        faults = (
            (words < self.curation.shortest, TOO_SHORT),
            (words > self.curation.longest + 10, mark("too long")),
            (not keeps_age(hero, text), mark("another age")),
            (not self.keeps_gender(hero, text), mark("another gender")),
            (not self.names_power(hero, text), mark("power never named")),
            (len(people(text)) > 1, mark("another name")),
            (repeats_a_sentence(text) or echoes(text), mark("repeats itself")),
            (not tells(text), mark("not a tale")),
        )
        return next((reason for found, reason in faults if found), None)

    def keeps_gender(self, hero: Hero, text: str) -> bool:
        """Whether the first gender named is the hero's, and its pronouns are at least three in four."""
        words = re.findall(r"[a-z]+", text.lower())
        named = next((word for word in words if word in self.pronouns), hero.gender)
        times = Counter(words)
        counts = {known: sum(times[word] for word in each) for known, each in self.pronouns.items()}
        return named == hero.gender and counts[hero.gender] * 4 >= sum(counts.values()) * 3

    def names_power(self, hero: Hero, text: str) -> bool:
        """Whether a word of the text begins as one that names the power, or a power is of its kind.

        "The power of gravity" names the power of controlling gravity; a sentence that merely speaks of
        gravity does not.
        """
        lower = text.lower()
        longest = max(hero.power.split(), key=len)
        stems = self.stems.get(hero.power) or (longest[: max(5, len(longest) - 3)],)
        kind = hero.power.split()[-1].removesuffix("s")
        return any(re.search(rf"\b{re.escape(stem)}", lower) for stem in stems) or bool(
            re.search(rf"\bpowers? (of|is|over)\b[^.,;:!?]*\b{re.escape(kind)}", lower)
        )


def sentences(text: str) -> Sequence[str]:
    """The sentences of a text, each with its closing mark."""
    return [part for part in _SENTENCE_END.split(text) if part]


def keeps_age(hero: Hero, text: str) -> bool:
    """Whether every age that the text states may be the hero's."""
    return all(hero.age in years for years in stated_ages(text))


def repeats_a_sentence(text: str) -> bool:
    """Whether a sentence comes twice."""
    parts = [part.lower() for part in sentences(text)]
    return len(set(parts)) < len(parts)


def echoes(text: str) -> bool:
    """Whether any six words in a row come twice."""
    words = re.findall(r"\w+", text.lower())
    runs = list(zip(*(words[at:] for at in range(_LONGEST_ECHO)), strict=False))
    return len(set(runs)) < len(runs)


def tells(text: str) -> bool:
    """Whether the text tells of somebody: in plain sentences, and only in quotation marks to "you"."""
    told = _QUOTED.sub("", text)
    return not (_NOT_TOLD.search(told.lower()) or _MARKUP.search(told.lower()) or _OTHER_SCRIPT.search(told))
