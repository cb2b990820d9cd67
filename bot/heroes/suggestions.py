"""Suggestions: whole heroes that complete what somebody is typing."""

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from bot.heroes.hero import Hero
from bot.heroes.synonyms import LanguageSynonyms, spelling_key
from bot.heroes.vocabulary import Vocabulary, is_plain, split_words
from bot.i18n.message import ENGLISH


def suggest_heroes(
    vocabulary: Vocabulary,
    typed: str,
    used: Mapping[str, int] | None = None,
    *,
    language: str = "en",
    limit: int = 25,
) -> list[str]:
    """Return heroes, as people type them, that complete what was typed; Discord shows at most 25.

    used is how often each power was asked for: the most used one comes first. Words are those of a language,
    as far as the vocabulary has them and what was typed begins so.
    """
    age, *others = [*split_words(unicodedata.normalize("NFC", typed.lower())), ""]
    as_typed = [*split_words(unicodedata.normalize("NFC", typed)), ""][1:]
    length = vocabulary.gender_length(others) or 1
    ages = _matching_ages(vocabulary, age)
    gender, power = " ".join(others[:length]), " ".join(others[length:]).rstrip()
    genders = _matching_genders(vocabulary, gender)
    powers = _matching_powers(vocabulary, power, used or {})
    if not genders or not powers:
        return []
    if len(ages) == 1:
        heroes = (Hero(ages[0], gender, power) for power in powers for gender in genders)
    else:  # the age is not complete: one hero of each age, the powers in turn
        turns = zip(ages, cycle(genders), cycle(powers), strict=False)
        heroes = (Hero(*turn) for turn in turns)
    free_power = " ".join(as_typed[length:]).rstrip()  # with its capitals, which German nouns need
    wording = _Wording(vocabulary, language, gender, power, free_power)
    return list(dict.fromkeys(map(wording.typed, islice(heroes, limit))))


class _Wording:
    """Words heroes in a language: by the first word that it has for a gender or a power.

    What was typed in English stays English.
    """

    def __init__(
        self, vocabulary: Vocabulary, language: str, gender: str, power: str, free_power: str
    ) -> None:
        """free_power: the power as it was typed, if no list has it."""
        self._vocabulary = vocabulary
        # the vocabulary itself is in English, and its English synonyms are no names but what people also type
        others = vocabulary.synonyms if language != ENGLISH.code else {}
        self._words = others.get(language, LanguageSynonyms())
        self._english = vocabulary.synonyms.get(ENGLISH.code, LanguageSynonyms())
        self._gender = gender
        self._power = power
        self._free_power = free_power

    def typed(self, hero: Hero) -> str:
        if hero.power == self._power and self._vocabulary.power_lexicon.find(hero.power) is None:
            hero = Hero(hero.age, hero.gender, self._free_power)
        gender = _first_if_any_begins(self._words.genders.get(hero.gender, ()), self._gender)
        words = self._words.powers.get(hero.power, ())
        power = _first_if_any_begins(words, self._power)
        if power is None and words and not self._is_english(hero.power):
            power = words[0]  # it fits by a part of its name, or by a word of a third language
        if gender is None:
            return self._vocabulary.typed(hero)
        if power is None or self._vocabulary.power_lexicon.find(power) != hero.power:
            power = self._vocabulary.spoken.get(hero.power, hero.power)
        return Hero(hero.age, gender, power).typed

    def _is_english(self, power: str) -> bool:
        """Return whether an English word for a power begins with what was typed."""
        spoken = self._vocabulary.spoken.get(power, power)
        english = (power, spoken, *self._english.powers.get(power, ()))
        return _first_if_any_begins(english, self._power) is not None


def _first_if_any_begins(words: Sequence[str], typed: str) -> str | None:
    """Return the first of some words, if any of them begins with what was typed."""
    beginning = spelling_key(typed)
    return words[0] if any(spelling_key(word).startswith(beginning) for word in words) else None


def _matching_ages(vocabulary: Vocabulary, typed: str) -> list[int]:
    youngest, oldest = vocabulary.limits.youngest, vocabulary.limits.oldest
    if typed.isdecimal() and len(typed) <= 3 and youngest <= int(typed) <= oldest:
        return [int(typed)]
    grid = [age for age in vocabulary.grid.ages if str(age).startswith(typed)]
    others = [
        age for age in range(youngest, oldest + 1) if typed and age not in grid and str(age).startswith(typed)
    ]
    return grid + others


def _matching_genders(vocabulary: Vocabulary, typed: str) -> list[str]:
    matching = vocabulary.gender_lexicon.starting_with(typed)
    return [gender for gender in vocabulary.genders if gender in matching]


def _matching_powers(vocabulary: Vocabulary, typed: str, used: Mapping[str, int]) -> list[str]:
    """Return known powers, those of the vocabulary before the grid's, and last the power as typed."""
    lexicon = vocabulary.power_lexicon
    powers = dict.fromkeys((*vocabulary.vocabulary.powers, *vocabulary.grid.powers))
    # an added power may have become a synonym of another since
    known = [power for power in powers if lexicon.find(power) in (power, None)]
    known.sort(key=lambda power: -used.get(power, 0))
    starting = lexicon.starting_with(typed)
    begins = [power for power in known if power in starting or power.startswith(typed)]
    contains = [power for power in known if typed in power and power not in begins]
    fits = len(typed) <= vocabulary.limits.power_characters and is_plain(typed)
    free = [typed] if fits and typed not in known and lexicon.find(typed) is None else []
    return begins + contains + free
