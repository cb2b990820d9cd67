"""The vocabulary: which heroes train a model, which may be asked for, and how they are typed."""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Self

from pydantic import Field, model_validator

from bot.config import FrozenModel
from bot.errors import NotUnderstood
from bot.heroes.hero import Hero

EXAMPLE = "40 woman healing"

_AGE = re.compile(r"-?\d+")

# Letters of any language, digits, spaces, apostrophes and hyphens: nothing that Discord would render.
_MARK = "\N{COMBINING ACUTE ACCENT}"  # stands for any: many alphabets write vowels as marks on letters
_LETTER = rf"[^\W_]{_MARK}{{0,3}}"
_PLAIN = re.compile(rf"(?:{_LETTER})+(?:[ '’-](?:{_LETTER})+)*")  # noqa: RUF001 (people type the curly apostrophe)


class Grid(FrozenModel):
    """The heroes to train on: all combinations, `repeats` times, from the second on with other powers."""

    ages: tuple[int, ...] = Field(min_length=1)
    genders: tuple[str, ...] = Field(min_length=1)
    powers: tuple[str, ...] = Field(min_length=1)
    other_powers: tuple[str, ...] = ()
    repeats: int = Field(ge=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        """Refuse duplicates: the same hero would be requested, and paid for, twice in one repeat."""
        for name in ("ages", "genders", "powers", "other_powers"):
            word, times = next(iter(Counter(getattr(self, name)).most_common(1)), ("", 0))
            if times > 1:
                raise ValueError(f"{word!r} stands in {name} {times} times")
        return self

    @property
    def size(self) -> int:
        """The number of heroes in one repeat."""
        return len(self.ages) * len(self.genders) * len(self.powers)

    def heroes(self, repeat: int = 0) -> Iterator[Hero]:
        """Yield every combination. From the second repeat on, the other powers, if any, take turns."""
        people = list(product(self.ages, self.genders))
        for row, (age, gender) in enumerate(people):
            for column, power in enumerate(self.powers):
                if repeat and self.other_powers:
                    turn = row + column + (repeat - 1) * len(self.powers)
                    power = self.other_powers[turn % len(self.other_powers)]  # noqa: PLW2901
                yield Hero(age, gender, power)


class PowerWords(FrozenModel):
    """Powers that may train a model besides those of the grid."""

    powers: tuple[str, ...]


class HeroLimits(FrozenModel):
    """What may be asked for: ages in years, both included, and the length of a power."""

    youngest: int
    oldest: int
    power_characters: int


class Vocabulary(FrozenModel):
    """The grid, the powers besides it, and the limits of what may be asked for."""

    grid: Grid
    vocabulary: PowerWords
    limits: HeroLimits

    @model_validator(mode="after")
    def _grid_can_be_asked_for(self) -> Self:
        """Refuse to train on heroes that nobody may ask for."""
        low, high = self.limits.youngest, self.limits.oldest
        for age in self.grid.ages:
            if not low <= age <= high:
                raise ValueError(
                    f"the age {age} in the grid does not lie between the limits {low} and {high}"
                )
        for power in (*self.grid.powers, *self.grid.other_powers, *self.vocabulary.powers):
            if power != power.lower() or not _is_plain(power):
                raise ValueError(f"the power {power!r} is not written in plain words and lower case")
        return self

    @property
    def powers(self) -> tuple[str, ...]:
        """Every power that may train a model."""
        return tuple(dict.fromkeys(chain(self.grid.powers, self.vocabulary.powers)))

    def with_powers(self, added: Sequence[str]) -> "Vocabulary":
        """Return a copy with more powers that may train a model."""
        return self.model_copy(update={"vocabulary": PowerWords(powers=(*self.vocabulary.powers, *added))})

    def sample(self, seed: int, limit: int = 3) -> list[Hero]:
        """Return heroes drawn by a seed, each with another power, genders taking turns."""
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        genders = self.grid.genders
        powers = chance.sample(self.powers, min(limit, len(self.powers)))
        oldest = min(self.limits.oldest, 95)
        return [
            Hero(chance.randint(self.limits.youngest, oldest), genders[index % len(genders)], power)
            for index, power in enumerate(powers)
        ]

    def trains(self, hero: Hero) -> bool:
        """Return whether a description of this hero may enter a dataset."""
        return hero.power in self.powers

    def parse(self, text: str) -> Hero:
        """Read `40 woman healing` or `40, woman, Healing ->`.

        Raise NotUnderstood, which says which part is missing and what to type.
        """
        words = _words(text)
        if not words:
            raise NotUnderstood(
                "Tell me an age, a gender and a power, for example `{/hero hero:{example}}`.", example=EXAMPLE
            )
        age = next((word for word in words if _AGE.fullmatch(word)), "")
        gender = next((word for word in words if word.lower() in self.grid.genders), "")
        in_order = words[:2] == [age, gender]
        words = words[2:] if in_order else [word for word in words if word not in (age, gender)]
        hero = self.hero(age, gender, " ".join(words))
        if not in_order:
            raise NotUnderstood(
                "First the age, then the gender, then the power: try `{/hero hero:{typed}}`.",
                typed=hero.typed,
            )
        return hero

    def hero(self, age: str, gender: str, power: str) -> Hero:
        """Read a hero's parts, as the columns of a file hold them; blanks around them do not matter.

        Raise NotUnderstood, which says which part is missing and what to type.
        """
        age, gender = age.strip(), gender.strip().lower()
        if not _AGE.fullmatch(age):
            raise NotUnderstood(
                "The age is missing: begin with a number, for example `{/hero hero:{example}}`.",
                example=EXAMPLE,
            )
        if gender not in self.grid.genders:
            known = "/".join(self.grid.genders)
            raise NotUnderstood(
                "The gender is missing: after the age say {known}, as in `{/hero hero:{example}}`.",
                known=known,
                example=EXAMPLE,
            )
        return Hero(self._age(age), gender, self.power(" ".join(_words(power))))

    def _age(self, word: str) -> int:
        low, high = self.limits.youngest, self.limits.oldest
        # len() first: Python refuses to convert numbers of thousands of digits
        if len(word) > 9 or not low <= int(word) <= high:
            raise NotUnderstood(
                "The age must lie between {low} and {high}, as in `{/hero hero:{example}}`.",
                low=low,
                high=high,
                example=EXAMPLE,
            )
        return int(word)

    def power(self, text: str) -> str:
        """Return a power in lower case and NFC. Raise NotUnderstood, which says what is wrong with it."""
        text = unicodedata.normalize("NFC", text.lower())
        if not text:
            raise NotUnderstood(
                "The power is missing: end with it, as in `{/hero hero:{example}}`.", example=EXAMPLE
            )
        if len(text) > self.limits.power_characters:
            most = self.limits.power_characters
            raise NotUnderstood(
                "That power has {number} characters; at most {most} fit. Say it shorter.",
                number=len(text),
                most=most,
            )
        if not _is_plain(text):
            raise NotUnderstood(
                "A power is made of plain words: letters, digits, spaces, hyphens and apostrophes, "
                "without mentions, links or formatting."
            )
        return text

    def suggest(self, typed: str, used: Mapping[str, int] | None = None, limit: int = 25) -> list[str]:
        """Return whole heroes that complete what was typed; Discord shows at most 25.

        used is how often each power was asked for: the most used one comes first.
        """
        age, gender, power = [
            *unicodedata.normalize("NFC", typed.replace(",", " ").lower()).split(maxsplit=2),
            "",
            "",
            "",
        ][:3]
        ages = self._matching_ages(age)
        genders = [known for known in self.grid.genders if known.startswith(gender)]
        powers = self._matching_powers(power, used or {})
        if len(ages) == 1:
            heroes = (Hero(ages[0], known, name) for name in powers for known in genders)
        else:  # the age is not complete: one hero of each age, the powers in turn
            turns = zip(ages, (genders * len(ages)), (powers * len(ages)), strict=False)
            heroes = (Hero(*turn) for turn in turns)
        return [hero.typed for _, hero in zip(range(limit), heroes, strict=False)]

    def _matching_ages(self, typed: str) -> list[int]:
        if typed.isdecimal() and len(typed) <= 3 and self.limits.youngest <= int(typed) <= self.limits.oldest:
            return [int(typed)]
        grid = [age for age in self.grid.ages if str(age).startswith(typed)]
        others = [
            age
            for age in range(self.limits.youngest, self.limits.oldest + 1)
            if typed and age not in grid and str(age).startswith(typed)
        ]
        return grid + others

    def _matching_powers(self, typed: str, used: Mapping[str, int]) -> list[str]:
        """Return known powers, those of the vocabulary before the grid's, and last the power as typed."""
        powers = dict.fromkeys((*self.vocabulary.powers, *self.grid.powers))
        known = sorted(powers, key=lambda power: -used.get(power, 0))
        begins = [power for power in known if power.startswith(typed)]
        contains = [power for power in known if typed in power and power not in begins]
        fits = len(typed) <= self.limits.power_characters and _is_plain(typed)
        free = [typed] if fits and typed not in known else []
        return begins + contains + free


def _words(text: str) -> list[str]:
    return text.replace("->", " ").replace(",", " ").split()


def _is_plain(power: str) -> bool:
    """Return whether a power consists of plain words."""
    marked = (_MARK if unicodedata.category(char).startswith("M") else char for char in power)
    return bool(_PLAIN.fullmatch("".join(marked)))
