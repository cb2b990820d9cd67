"""Plan a build: which examples it needs, in which order, and the prompt of each."""

import hashlib
import heapq
import math
from array import array
from collections.abc import Iterator, Mapping
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
from bot.store.job_schema import BuildSource, BuildSpec

MIN_EXAMPLES = 14  # fewer may not yield the ten training texts that fine-tuning requires
MAX_EXAMPLES = 500_000
MAX_REPEATS = 10_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One hero and the index of its repeat."""

    hero: Hero
    repeat: int


class Planner:
    """Derive a build's slots, in order, and the chat request of each."""

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
        self, source: BuildSource = "model", *, ranked: bool | None = None, **options: Any
    ) -> BuildSpec:
        """Return the spec of a build: of texts that a model writes, or of the first dataset.

        ranked: whether texts join them that the ranker chooses. options are those of a model: repeats, model,
        limit, budget, batch, seed; omitted ones, and None, mean the installation's defaults. Raises UserError if
        one of them is out of range, or given although no model writes.
        """
        spec = self._spec(source, options)
        return spec.model_copy(update={"ranked": True}) if ranked else spec

    def _spec(self, source: BuildSource, options: Mapping[str, Any]) -> BuildSpec:
        given = {name: value for name, value in options.items() if value is not None}
        if source == "model":
            return self._model_spec(**given)
        if source == "model-only":
            return self._model_spec(**given).model_copy(update={"source": source, "hand_written": False})
        if given:
            raise UserError(
                "The texts that come with the bot are taken as they are, so no model writes. Leave out "
                "{options}.",
                options=list(given),
            )
        return BuildSpec(source="shipped", hand_written=True)

    def _model_spec(
        self,
        *,
        repeats: int | None = None,
        model: str | None = None,
        limit: int | None = None,
        budget: float | None = None,
        batch: bool | None = None,
        seed: int = 0,
    ) -> BuildSpec:
        repeats = self._vocabulary.grid.repeats if repeats is None else repeats
        spec = BuildSpec(
            repeats=repeats,
            limit=limit,
            model=model or self._author,
            small=self._small,
            budget=budget,
            batch=bool(batch),
            **({"seed": seed} if seed else {}),
        )
        _check_ranges(spec)
        size = self.size(spec)
        price = self._prices.of(spec.model)
        cheaper = not self._small and price is not None and price.batch is not None
        use_batch = batch is None and cheaper and size >= self._batch_from
        return spec.model_copy(update={"batch": True}) if use_batch else spec

    def size(self, spec: BuildSpec) -> int:
        """Return the number of slots. Raises UserError if they are too many, or too few to train on."""
        unlimited = self._vocabulary.grid.size * spec.repeats
        size = unlimited if spec.limit is None else min(unlimited, spec.limit)
        if size > MAX_EXAMPLES:
            raise UserError(
                "That would be {size:,} examples, and at most {most:,} are possible: set a limit, or "
                "fewer repeats.",
                size=size,
                most=MAX_EXAMPLES,
            )
        if size < MIN_EXAMPLES:
            raise UserError(
                "The ages, genders and powers in heroes.toml are enough for {size} examples, and a "
                "dataset needs {fewest}: add ages or powers there, or set more repeats.",
                size=size,
                fewest=MIN_EXAMPLES,
            )
        return size

    def slots(self, spec: BuildSpec) -> Iterator[Slot]:
        """Yield the grid's slots, repeat by repeat.

        Within a repeat they are shuffled deterministically: a limited build is spread over the grid, and a
        later, larger one finds its examples cached.
        """
        grid = self._vocabulary.grid
        limit = grid.size if spec.limit is None else min(grid.size, spec.limit)
        # the same heroes recur every few repeats
        shuffle_key = cache(_shuffle_key) if grid.size * spec.repeats <= MAX_EXAMPLES else _shuffle_key
        slots = (
            Slot(hero, repeat)
            for repeat in range(spec.repeats)
            # the order of sorted(), without holding a large grid's other heroes in memory
            for hero in heapq.nsmallest(limit, grid.heroes(repeat), key=shuffle_key)
        )
        return islice(slots, spec.limit)

    def sample_question(self, spec: BuildSpec) -> ChatRequest:
        """Return the chat request of one slot, for the maximum of tokens, which is the same for all."""
        return self.question(spec, Slot(next(self._vocabulary.grid.heroes()), 0), 0)[1]

    def heroes(self, spec: BuildSpec) -> Iterator[Hero]:
        """Yield each hero of a build once, in the order of its slots; if no model writes, those of the grid."""
        if spec.source == "shipped":
            spec = spec.model_copy(update={"repeats": self._vocabulary.grid.repeats})
        yield from dict.fromkeys(slot.hero for slot in self.slots(spec))

    def slots_by_hero(self, spec: BuildSpec) -> Iterator[Slot]:
        """Yield the same slots grouped by hero. It keeps four bytes per slot in memory."""
        repeats: dict[Hero, array[int]] = {}
        for slot in self.slots(spec):
            repeats.setdefault(slot.hero, array("I")).append(slot.repeat)
        for hero in sorted(repeats, key=lambda hero: hero.typed):
            yield from (Slot(hero, repeat) for repeat in repeats[hero])

    def question(self, spec: BuildSpec, slot: Slot, attempt: int) -> tuple[Request, ChatRequest]:
        """Return one attempt at a slot: the key and row of its example, and the chat request to send.

        The seed of a build chooses other words, the next plots, and examples of its own. Seed 0 is left out,
        so that the examples of builds from before there was one are found.
        """
        drawn = {"seed": spec.seed} if spec.seed else {}
        parts = {"hero": slot.hero.identity(), "repeat": slot.repeat, "attempt": attempt}
        seed = _seed(parts | drawn)
        turn = self._vocabulary.grid.turn(slot.hero, slot.repeat) + spec.seed
        chat = self._prompts.author_request(slot.hero, small=spec.small, seed=seed, turn=turn)
        request = Request(
            slot.hero,
            repeat=slot.repeat,
            attempt=attempt,
            template_version=self._prompts.version,
            model=spec.model,
            params={
                **chat.sampling.model_dump(),
                "asked": _digest((chat.messages, chat.ending, *chat.breaks)).hex(),
                **drawn,
            },
        )
        return request, chat


def _check_ranges(spec: BuildSpec) -> None:
    if not 1 <= spec.repeats <= MAX_REPEATS:
        raise UserError("Repeats must be between 1 and {most_repeats:,}.", most_repeats=MAX_REPEATS)
    if spec.limit is not None and spec.limit < MIN_EXAMPLES:
        raise UserError(
            "A dataset needs at least {fewest} examples: set limit to {fewest} or more.", fewest=MIN_EXAMPLES
        )
    if spec.budget is not None and not (spec.budget > 0 and math.isfinite(spec.budget)):
        raise UserError("A budget must be above 0 dollars; leave it out to build without one.")


def _shuffle_key(hero: Hero) -> int:
    """Return the sort key of a hero in the shuffled grid."""
    return _seed(hero.identity())


def _seed(parts: dict[str, Any]) -> int:
    """Return a number below 2^31 that depends only on the parts, on every machine."""
    return int.from_bytes(_digest(parts)[:4]) >> 1


def _digest(parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()
