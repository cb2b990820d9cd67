"""Comparisons: the same heroes written by several models, side by side."""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.errors import HerosmithError, OperatorError
from bot.hero import Hero, Vocabulary
from bot.llm.budget import Account
from bot.store.models import Model
from bot.writer import Writer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Side:
    """One model's text of a hero; where it wrote none, why not."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One hero, written by each model in turn."""

    hero: str
    sides: list[Side]


class Comparer:
    """Has models write the same heroes."""

    def __init__(self, writer: Writer, vocabulary: Vocabulary) -> None:
        self._writer = writer
        self._vocabulary = vocabulary

    @property
    def base_title(self) -> str:
        """What the base is called beside others."""
        return self._writer.base_title

    def some_heroes(self, seed: int, most: int = 3) -> list[Hero]:
        """Heroes of the vocabulary, drawn by a seed: each of another power, genders in turn."""
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        limits, genders = self._vocabulary.limits, self._vocabulary.grid.genders
        powers = chance.sample(self._vocabulary.powers, min(most, len(self._vocabulary.powers)))
        oldest = min(limits.oldest, 95)
        return [
            Hero(chance.randint(limits.youngest, oldest), genders[at % len(genders)], power)
            for at, power in enumerate(powers)
        ]

    def opponents(self, first: Model, second: Model | None) -> dict[str, Model | str]:
        """Two models by their titles; the base in the second's place where that is the same or none."""
        if second is None or second.id == first.id:
            return {_title(first): first, self.base_title: self._writer.base}
        return {_title(first): first, _title(second): second}

    async def compare(
        self, heroes: Sequence[Hero], writers: Mapping[str, Model | str], account: Account
    ) -> list[Comparison]:
        """Let every writer write every hero: by its title a tuned model, or an untuned one's name.

        One that cannot answer says so in its place.
        """
        return [
            Comparison(
                str(hero),
                await asyncio.gather(
                    *(self._side(hero, title, model, account) for title, model in writers.items())
                ),
            )
            for hero in heroes
        ]

    async def _side(self, hero: Hero, title: str, model: Model | str, account: Account) -> Side:
        try:
            return Side(title, (await self._writer.write(hero, model, account)).text)
        except HerosmithError as error:
            log.warning("%s wrote nothing: %s", title, error, exc_info=error.__cause__)
            why = "the model server refused" if isinstance(error, OperatorError) else str(error)
            return Side(title, f"(no text: {why})")


def _title(model: Model) -> str:
    return f"{model.state}: model {model.id}"
