"""Curation: the rules by which a written text may train a model or is rejected."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from types import MappingProxyType

from pydantic import field_validator

from bot.config import FrozenModel
from bot.heroes.curation_ages import stated_ages
from bot.heroes.curation_names import read_names
from bot.heroes.curation_pronouns import count_pronouns
from bot.heroes.hero import Hero
from bot.i18n.message import mark

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’']?\s+")  # noqa: RUF001 (texts close with curly quotes)
_SENTENCE_END_SO_FAR = re.compile(r"[.!?][\"”’']?(?=\s|$)")  # noqa: RUF001 (as above)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_OPEN_QUOTE = re.compile(r"(?:(?<!\S)\"(?=\S)[^\"]*|“[^”]*)\Z")  # speech that the rest may close
TOO_SHORT = mark("too short")
TOO_LONG = mark("too long")
ANOTHER_AGE = mark("another age")
ANOTHER_GENDER = mark("another gender")
NEVER_NAMED = mark("power never named")
ANOTHER_NAME = mark("another name")
REPEATS_ITSELF = mark("repeats itself")
NOT_A_TALE = mark("not a tale")

# The rules that make no sense for some subjects and can be left out, by their reasons.
RULES = (ANOTHER_AGE, ANOTHER_GENDER, NEVER_NAMED, ANOTHER_NAME, REPEATS_ITSELF, NOT_A_TALE)

_MENDABLE = frozenset({TOO_SHORT, NEVER_NAMED})  # faults of a beginning that the rest may mend

_REPEATED_WORDS = 6  # a run of this many words must not occur twice

_THEY_ALONE = 3  # so many words like "they", and so many for each "he" or "she", can mean the hero alone

# Words that no description has: it tells of a hero, and addresses neither the reader nor itself.
_NOT_NARRATIVE = re.compile(
    r"\b(?:you|your|yours|yourself|i|i'm|my|me|we|our|us"
    r"|fictional|character|description|story is|word limit|as an ai|\d+ words)\b"
)
_MARKUP = re.compile(r"[\[\]{}<>#|_\\]|https?:")
_OTHER_SCRIPT = re.compile(r"[^\x00-\u024f\u2000-\u206f\u20ac]")


class _Bounds(FrozenModel):
    """Word counts of a text, how often one example is requested at most, and what tells no gender.

    left_out: rules that make no sense for the subject, by their reasons.
    """

    shortest: int
    longest: int
    attempts: int
    neutral_genders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @field_validator("left_out")
    @classmethod
    def _rules_are_known(cls, left_out: tuple[str, ...]) -> tuple[str, ...]:
        for rule in set(left_out).difference(RULES):
            raise ValueError(f"no rule is called {rule!r}: those that can be left out are {', '.join(RULES)}")
        return left_out


class Curation(FrozenModel):
    """The rules of data/heroes.toml: word counts, and the words that name a power or a gender.

    names: first names by the gender that they tell.
    """

    curation: _Bounds
    stems: dict[str, tuple[str, ...]]
    pronouns: dict[str, tuple[str, ...]]
    names: Mapping[str, frozenset[str]] = MappingProxyType({})

    @cached_property
    def _known_names(self) -> frozenset[str]:
        return frozenset().union(*self.names.values())

    @property
    def attempts(self) -> int:
        """How often an example is requested before it is given up."""
        return self.curation.attempts

    def trim(self, text: str) -> str:
        """Return the text on one line, without asterisks, cut after the last sentence that fits the limit."""
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
        """Return why a trimmed text must not train a model, in two or three words, or None if it may."""
        return next(iter(self.faults(hero, text)), None)

    def fault_in_beginning(self, hero: Hero, beginning: str) -> str | None:
        """Return a fault of a text's first sentences that the rest will not mend, None if there is none."""
        faults = self._faults(hero, _OPEN_QUOTE.sub("", beginning), is_whole=False)
        return next((fault for fault in faults if fault not in _MENDABLE), None)

    def faults(self, hero: Hero, text: str) -> list[str]:
        """Return all reasons why a trimmed text must not train a model."""
        return list(self._verdict(hero, text))

    @cached_property
    def _verdict(self) -> Callable[[Hero, str], tuple[str, ...]]:
        """Judges whole texts, and remembers the last ones: each is judged when written and when shown."""
        return lru_cache(maxsize=64)(lambda hero, text: tuple(self._faults(hero, text, is_whole=True)))

    def _faults(self, hero: Hero, text: str, *, is_whole: bool) -> list[str]:
        words = len(text.split())
        checks = (
            (words < self.curation.shortest, TOO_SHORT),
            (words > self.curation.longest + 10, TOO_LONG),
            (not keeps_age(hero, text), ANOTHER_AGE),
            (not self.keeps_gender(hero, text, is_whole=is_whole), ANOTHER_GENDER),
            (not self.names_power(hero, text), NEVER_NAMED),
            (len(self.named_people(text, is_whole=is_whole)) > 1, ANOTHER_NAME),
            (repeats_a_sentence(text) or repeats_words(text), REPEATS_ITSELF),
            (not is_narrative(text), NOT_A_TALE),
        )
        return [reason for failed, reason in checks if failed and self.applies(reason)]

    def applies(self, rule: str) -> bool:
        """Return whether a rule is kept, by the reason that it gives."""
        return rule not in self.curation.left_out

    def keeps_gender(self, hero: Hero, text: str, *, is_whole: bool = True) -> bool:
        """Return whether the text keeps the hero's gender.

        Pronouns of another gender must be somebody else's (curation_pronouns.py). The words of neutral
        genders do not tell against another one, because "they" may be several people; but "they" almost
        alone, time and again, is not said of a man or a woman. The hero must not be called another gender's
        word ("a 40-year-old person"); and the first name of the text, if it is known, must not be another
        gender's; neutral ones have any.

        is_whole: whether the text has come to its end; a beginning keeps the gender if the rest may keep it.
        """
        neutral = self.curation.neutral_genders
        name = next(iter(self.named_people(text)), ())
        count = count_pronouns(hero.gender, text, self.pronouns, neutral=neutral, name=name)
        keeps = count.keeps_gender(is_whole=is_whole) and not self._calls_another(hero.gender, text, name)
        is_theirs = is_whole and self._neutral_words(hero.gender, text) >= _THEY_ALONE * max(count.own, 1)
        return keeps and not is_theirs and self._fits_name(hero.gender, text)

    def _neutral_words(self, gender: str, text: str) -> int:
        """Return how many words a text has that are pronouns of neutral genders, and not the hero's."""
        times = Counter(re.findall(r"[a-z]+", text.lower()))
        others = (other for other in self.curation.neutral_genders if other != gender)
        return sum(times[word] for other in others for word in self.pronouns[other])

    def _calls_another(self, gender: str, text: str, name: Collection[str]) -> bool:
        """Return whether the hero, by its age or by a word of its name, is called by another gender's word.

        Of neutral genders, only the age tells: "Bo, a person like others" may be a man.
        """
        genders = [re.escape(other) for other in self.pronouns if other != gender]
        told = [
            re.escape(each) for each in self.pronouns if each not in (gender, *self.curation.neutral_genders)
        ]
        any_, other, names = ("|".join(words) for words in (genders, told, map(re.escape, name)))
        if any_ and re.search(rf"\b(?:year-old|years\sold, an?) (?:[\w-]+ ){{,2}}(?:{any_})\b", text):
            return True
        # without such a word neither matches; to compile them for a new name takes longer than to search
        if not (other and names and re.search(rf"\b(?:{other})\b", text)):
            return False
        if re.search(rf"\b(?:{names})(?:,| is| was) an? (?:[\w-]+ ){{,3}}(?:{other})\b", text):
            return True
        return bool(re.search(rf"\b(?:{other})(?:,| named| called| known\sas)? (?:{names})\b", text))

    def names_another_gender(self, gender: str, text: str) -> bool:
        """Return whether a text has a pronoun of another gender at all, but for those of neutral genders."""
        others = self.pronouns.keys() - {gender, *self.curation.neutral_genders}
        told = {word for other in others for word in self.pronouns[other]} - {*self.pronouns[gender]}
        return not told.isdisjoint(re.findall(r"[a-z]+", text.lower()))

    def _fits_name(self, gender: str, text: str) -> bool:
        neutral = self.curation.neutral_genders
        if gender in neutral:
            return True
        told = [names for other, names in self.names.items() if other not in (gender, *neutral)]
        own = self.names.get(gender, frozenset())
        another = frozenset().union(*told) - own
        return read_names(text, self._known_names).first(own | another) not in another

    def named_people(self, text: str, *, is_whole: bool = True) -> list[frozenset[str]]:
        """Return who a text names in the hero's place, the hero first (curation_names.py): one is right."""
        return read_names(text, self._known_names).heroes(is_whole=is_whole)

    def name_in(self, text: str) -> str | None:
        """Return the word by which a text calls its hero first; None if it names nobody."""
        name = next(iter(self.named_people(text)), None)
        return min(name, key=text.find) if name else None

    def names_power(self, hero: Hero, text: str) -> bool:
        """Return whether the text names the hero's power.

        It does if a word begins with one of the power's stems, or if it speaks of a power over the power's
        last word: "the power of gravity" names the power of controlling gravity, "gravity" alone does not.
        """
        lower = text.lower()
        longest = max(hero.power.split(), key=len)
        stems = self.stems.get(hero.power) or (longest[: max(5, len(longest) - 3)],)
        kind = hero.power.split()[-1].removesuffix("s")
        return any(re.search(rf"\b{re.escape(stem)}", lower) for stem in stems) or bool(
            re.search(rf"\bpowers? (of|is|over)\b[^.,;:!?]*\b{re.escape(kind)}", lower)
        )


def sentences(text: str) -> Sequence[str]:
    """Split a text into sentences, each with its closing mark."""
    return [part for part in _SENTENCE_END.split(text) if part]


def whole_sentences(text: str) -> str:
    """Return the beginning of an unfinished text up to its last full sentence."""
    ends = [found.end() for found in _SENTENCE_END_SO_FAR.finditer(text)]
    return text[: ends[-1]] if ends else ""


def through_sentence(text: str, length: int) -> str:
    """Return the beginning of a text that has at least this length and ends with a sentence, or all of it."""
    ends = (found.end() for found in _SENTENCE_END_SO_FAR.finditer(text))
    return text[: next((end for end in ends if end >= length), None)]


def keeps_age(hero: Hero, text: str) -> bool:
    """Return whether every age that the text states may be the hero's."""
    return all(hero.age in years for years in stated_ages(text))


def repeats_a_sentence(text: str) -> bool:
    """Return whether a sentence occurs twice, whatever its capitals."""
    parts = [part.lower() for part in sentences(text)]
    return len(set(parts)) < len(parts)


def repeats_words(text: str) -> bool:
    """Return whether six words in a row occur twice."""
    words = re.findall(r"\w+", text.lower())
    runs = list(zip(*(words[start:] for start in range(_REPEATED_WORDS)), strict=False))
    return len(set(runs)) < len(runs)


def is_narrative(text: str) -> bool:
    """Return whether the text is plain narrative: "you" and "I" occur only within quotation marks."""
    narrative = _QUOTED.sub("", text)
    return not (
        _NOT_NARRATIVE.search(narrative.lower())
        or _MARKUP.search(narrative.lower())
        or _OTHER_SCRIPT.search(narrative)
    )
