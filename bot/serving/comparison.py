"""Comparisons: the same heroes, written by several models side by side."""

import asyncio
import logging
from collections.abc import Sequence

from bot.errors import HerosmithError, UserError
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage, mark
from bot.llm.budget import Account
from bot.serving.generator import Generator
from bot.store.job_schema import Comparison, ComparisonSide
from bot.store.models import Model

log = logging.getLogger(__name__)

Writers = Sequence[tuple[LocalizedMessage, Model | str]]  # each with its title in the comparison


class Comparer:
    """Has several models write the same heroes."""

    def __init__(self, generator: Generator, vocabulary: Vocabulary) -> None:
        self._generator = generator
        self._vocabulary = vocabulary

    @property
    def base_title(self) -> LocalizedMessage:
        """Return the base's title in a comparison."""
        return self._generator.base_title

    def opponents(self, first: Model, second: Model | None) -> Writers:
        """Return two models with titles; the base replaces the second if it is the first, or None."""
        if second is None or second.id == first.id:
            return [(model_title(first), first), (self.base_title, self._generator.base)]
        return [(model_title(first), first), (model_title(second), second)]

    async def compare(self, heroes: Sequence[Hero], writers: Writers, account: Account) -> list[Comparison]:
        """Have every writer (a tuned model, or an untuned one's name) write every hero.

        If one cannot answer, a message takes the place of its text.
        """
        return [
            Comparison(
                hero=self._vocabulary.title(hero),
                sides=await asyncio.gather(
                    *(self._side(hero, title, model, account) for title, model in writers)
                ),
            )
            for hero in heroes
        ]

    async def _side(
        self, hero: Hero, title: LocalizedMessage, model: Model | str, account: Account
    ) -> ComparisonSide:
        try:
            text: str | LocalizedMessage = (await self._generator.generate(hero, model, account)).text
        except HerosmithError as error:
            log.warning("%s wrote nothing: %s", title, error, exc_info=error.__cause__)
            refused = LocalizedMessage("the call was refused")
            reason = error.message if isinstance(error, UserError) else refused
            text = LocalizedMessage("(no text: {why})", why=reason)
        return ComparisonSide(by=title, text=text)


def model_title(model: Model) -> LocalizedMessage:
    """Return a model's title in a comparison."""
    titles = {
        "unchecked": mark("unchecked: model {number}"),
        "held back": mark("held back: model {number}"),
        "live": mark("live: model {number}"),
        "candidate": mark("candidate: model {number}"),
        "retired": mark("retired: model {number}"),
    }
    return LocalizedMessage(titles[model.state], number=model.id)
