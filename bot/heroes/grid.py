"""The grid: the heroes that a default build writes."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Self

from pydantic import Field, model_validator

from bot.config import FrozenModel
from bot.heroes.hero import Hero


class Grid(FrozenModel):
    """The heroes to train on: all combinations, `repeats` times.

    From the second repeat on, the other powers take the place of the powers, and one hero in
    `other_gender_every` is of one of the other genders.
    """

    ages: tuple[int, ...] = Field(min_length=1)
    genders: tuple[str, ...] = Field(min_length=1)
    other_genders: tuple[str, ...] = ()
    other_gender_every: int = Field(3, ge=2)
    powers: tuple[str, ...] = Field(min_length=1)
    other_powers: tuple[str, ...] = ()
    repeats: int = Field(ge=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        """Refuse duplicates: the same hero would be requested, and paid for, twice in one repeat."""
        for name in ("ages", "all_genders", "powers", "other_powers"):
            word, times = next(iter(Counter(getattr(self, name)).most_common(1)), ("", 0))
            if times > 1:
                raise ValueError(f"{word!r} stands in {name.removeprefix('all_')} {times} times")
        if self.other_genders and self.other_gender_every < len(self.genders):
            raise ValueError(
                f"other_gender_every is {self.other_gender_every}: it must be {len(self.genders)} or more, "
                "the number of genders, or some heroes would be written twice"
            )
        return self

    @property
    def all_genders(self) -> tuple[str, ...]:
        """The genders of the first repeat, then the others."""
        return self.genders + self.other_genders

    @property
    def size(self) -> int:
        """The number of heroes in one repeat."""
        return len(self.ages) * len(self.genders) * len(self.powers)

    @property
    def other_gender_share(self) -> float:
        """About which share of all heroes, from 0 to 1, is of the other genders."""
        return (1 - 1 / self.repeats) / self.other_gender_every if self.other_genders else 0

    def heroes(self, repeat: int = 0) -> Iterator[Hero]:
        """Yield the heroes of a repeat: every combination, from the second repeat on with changes."""
        rows = len(self.ages) * len(self.genders)
        step = self._columns_apart
        for row, (age, gender) in enumerate(product(self.ages, self.genders)):
            for column, power in enumerate(self.powers):
                if repeat:
                    place, turn = 2 * row + column + repeat, row + step * column + (repeat - 1) * rows
                    yield Hero(age, self._later_gender(gender, place), self._later_power(power, turn))
                else:
                    yield Hero(age, gender, power)

    def turn(self, hero: Hero, repeat: int) -> int:
        """Return a number that differs among the heroes of one power, as far as there are few of them.

        A hero of another gender shares those of the rows of its age, and one that the grid lacks has any.
        """
        age = self.ages.index(hero.age) if hero.age in self.ages else 0
        gender = self.all_genders.index(hero.gender) if hero.gender in self.all_genders else 0
        row = age * len(self.genders) + gender % len(self.genders)
        return repeat * len(self.ages) * len(self.genders) + row

    @property
    def _columns_apart(self) -> int:
        """How far two neighbouring columns are apart in the other powers, of which each row takes the next.

        So far that a repeat takes as many different ones as possible. Columns that are fewer apart than there
        are genders are next to each other, or a person of one age could come twice with the same power.
        """
        apart = len(self.other_powers) // len(self.powers)
        # A power that two repeats take comes so many rows later in the second one. Some numbers of rows would
        # give it the same gender again.
        rows_later = apart - len(self.ages) * len(self.genders)
        if rows_later >= 0 and rows_later % self.other_gender_every == 0:
            apart -= 1
        return apart if apart >= len(self.genders) else 1

    def _later_gender(self, gender: str, place: int) -> str:
        """Return the gender at a place from the second repeat on.

        A place counts rows twice, and the turn of a power once: so every power comes with every gender, and
        the rows of one age have their other genders at other powers, so that no hero comes twice.
        """
        if not self.other_genders:
            return gender
        turn, waiting = divmod(place, self.other_gender_every)
        if waiting:
            return gender
        return self.other_genders[turn % len(self.other_genders)]

    def _later_power(self, power: str, turn: int) -> str:
        return self.other_powers[turn % len(self.other_powers)] if self.other_powers else power
