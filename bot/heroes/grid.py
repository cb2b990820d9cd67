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

    def heroes(self, repeat: int = 0) -> Iterator[Hero]:
        """Yield the heroes of a repeat: every combination, from the second repeat on with changes."""
        for row, (age, gender) in enumerate(product(self.ages, self.genders)):
            for column, power in enumerate(self.powers):
                hero = Hero(age, gender, power)
                yield self._changed(hero, row, column, repeat) if repeat else hero

    def _changed(self, hero: Hero, row: int, column: int, repeat: int) -> Hero:
        """Return the hero that a later repeat has at a place of the grid.

        The gender depends on 2 * row, because the power depends on row: every power comes with every gender,
        and the rows of one age have their other genders at other powers, so that no hero comes twice.
        """
        gender, power = hero.gender, hero.power
        turn, waiting = divmod(2 * row + column + repeat, self.other_gender_every)
        if self.other_genders and not waiting:
            gender = self.other_genders[turn % len(self.other_genders)]
        if self.other_powers:
            turn = row + column + (repeat - 1) * len(self.powers)
            power = self.other_powers[turn % len(self.other_powers)]
        return Hero(hero.age, gender, power)
