"""The plan of a build: which examples it wants, in which order, and what it asks for each."""

import hashlib
import heapq
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from bot.chat import ChatRequest
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.heroes.vocabulary import Vocabulary
from bot.llm.prices import Prices
from bot.store.examples import Request
from bot.store.job_schema import BuildSpec

FEWEST = 14  # with fewer, the ten training texts that fine-tuning asks for may not come together
MOST = 500_000
MOST_REPEATS = 10_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the dataset: one hero, the how-manieth time."""

    hero: Hero
    repeat: int


class Planner:
    """Lays a build out: its slots in order, and the question that belongs to each."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        prompts: Prompts,
        *,
        author: str,
        small: bool,
        batch_from: int,
        prices: Prices,
    ) -> None:
        self._vocabulary = vocabulary
        self._prompts = prompts
        self._author = author
        self._small = small
        self._batch_from = batch_from
        self._prices = prices

    def spec(
        self,
        *,
        repeats: int | None = None,
        model: str | None = None,
        limit: int | None = None,
        budget: float | None = None,
        batch: bool | None = None,
    ) -> BuildSpec:
        """What a build is asked to do; what is left out is the installation's choice.

        Raises UserError where a figure makes no sense.
        """
        repeats = self._vocabulary.grid.repeats if repeats is None else repeats
        spec = BuildSpec(
            repeats=repeats,
            limit=limit,
            model=model or self._author,
            small=self._small,
            budget=budget,
            batch=bool(batch),
        )
        _check(spec)
        size = self.size(spec)
        if batch and self._small:
            raise UserError("The embedded engine has no Batch API: leave batch out.")
        price = self._prices.of(spec.model)
        cheaper = not self._small and price is not None and price.batch is not None
        by_itself = batch is None and cheaper and size >= self._batch_from
        return spec.model_copy(update={"batch": True}) if by_itself else spec

    def size(self, spec: BuildSpec) -> int:
        """How many slots a build has. Raises UserError where they are too many, or too few to train on."""
        every = self._vocabulary.grid.size * spec.repeats
        size = every if spec.limit is None else min(every, spec.limit)
        if size > MOST:
            raise UserError(
                "That would be {size:,} examples, and {most:,} is the most: set a limit or fewer repeats.",
                size=size,
                most=MOST,
            )
        if size < FEWEST:
            raise UserError(
                "The grid in heroes.toml gives {size} examples, and a dataset needs {fewest}: add "
                "ages or powers to it, or set more repeats.",
                size=size,
                fewest=FEWEST,
            )
        return size

    def slots(self, spec: BuildSpec) -> Iterator[Slot]:
        """The grid's slots, repeat by repeat.

        Within a repeat they are shuffled, always in the same way, so that a limited build is spread over the
        grid and a later, larger one finds its examples cached.
        """
        grid = self._vocabulary.grid
        most = grid.size if spec.limit is None else min(grid.size, spec.limit)
        # every few repeats the same heroes come again
        shuffled = cache(_place) if grid.size * spec.repeats <= MOST else _place
        every = (
            Slot(hero, repeat)
            for repeat in range(spec.repeats)
            # as sorted() would have them, without a large grid's other heroes
            for hero in heapq.nsmallest(most, grid.heroes(repeat), key=shuffled)
        )
        return islice(every, spec.limit)

    def any_question(self, spec: BuildSpec) -> ChatRequest:
        """A question like all others of the build."""
        return self.question(spec, Slot(next(self._vocabulary.grid.heroes()), 0), 0)[1]

    def by_hero(self, spec: BuildSpec) -> Iterator[Slot]:
        """The same slots, those of one hero side by side; four bytes a slot are kept meanwhile."""
        repeats: dict[Hero, array[int]] = {}
        for slot in self.slots(spec):
            repeats.setdefault(slot.hero, array("I")).append(slot.repeat)
        for hero in sorted(repeats, key=lambda hero: hero.typed):
            yield from (Slot(hero, repeat) for repeat in repeats[hero])

    def question(self, spec: BuildSpec, slot: Slot, attempt: int) -> tuple[Request, ChatRequest]:
        """The question of one attempt at a slot, with the request under which its answer is kept."""
        seed = _seed({"hero": slot.hero.identity(), "repeat": slot.repeat, "attempt": attempt})
        ask = self._prompts.author_request(slot.hero, small=spec.small, seed=seed)
        request = Request(
            slot.hero,
            repeat=slot.repeat,
            attempt=attempt,
            template_version=self._prompts.version,
            model=spec.model,
            params={**ask.sampling.model_dump(), "asked": _digest((ask.messages, ask.ending)).hex()},
        )
        return request, ask


def _check(spec: BuildSpec) -> None:
    """Raise UserError if a figure makes no sense."""
    if not 1 <= spec.repeats <= MOST_REPEATS:
        raise UserError("Repeats must lie between 1 and {most_repeats:,}.", most_repeats=MOST_REPEATS)
    if spec.limit is not None and spec.limit < FEWEST:
        raise UserError(
            "A dataset needs at least {fewest} examples: set limit to {fewest} or more.", fewest=FEWEST
        )
    if spec.budget is not None and not (spec.budget > 0 and math.isfinite(spec.budget)):
        raise UserError("A budget must be above 0 dollars; leave it out to build without one.")


def _place(hero: Hero) -> int:
    """Where a hero stands in the shuffled grid."""
    return _seed(hero.identity())


def _seed(parts: dict[str, Any]) -> int:
    """A number below 2^31 that follows from the parts alone, on every machine."""
    return int.from_bytes(_digest(parts)[:4]) >> 1


def _digest(parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()
