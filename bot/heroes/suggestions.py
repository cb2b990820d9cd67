"""Suggestions: whole heroes that complete what somebody is typing."""

import unicodedata
from collections.abc import Mapping
from itertools import cycle, islice

from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary, is_plain, split_words


def suggest_heroes(
    vocabulary: Vocabulary, typed: str, used: Mapping[str, int] | None = None, limit: int = 25
) -> list[str]:
    """Return heroes, as people type them, that complete what was typed; Discord shows at most 25.

    used is how often each power was asked for: the most used one comes first.
    """
    age, *others = [*split_words(unicodedata.normalize("NFC", typed.lower())), ""]
    length = vocabulary.gender_length(others) or 1
    ages = _matching_ages(vocabulary, age)
    genders = _matching_genders(vocabulary, " ".join(others[:length]))
    powers = _matching_powers(vocabulary, " ".join(others[length:]).rstrip(), used or {})
    if not genders or not powers:
        return []
    if len(ages) == 1:
        heroes = (Hero(ages[0], gender, power) for power in powers for gender in genders)
    else:  # the age is not complete: one hero of each age, the powers in turn
        turns = zip(ages, cycle(genders), cycle(powers), strict=False)
        heroes = (Hero(*turn) for turn in turns)
    return [vocabulary.typed(hero) for hero in islice(heroes, limit)]


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
