"""The plan of a build: which examples it wants, and which of them are paid for already."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from bot.errors import UserError
from bot.hero import Hero, Vocabulary
from bot.prompts import Ask, Prompts
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import Request

FEWEST = 14  # with fewer, the ten training texts that fine-tuning asks for may not come together
MOST_REPEATS = 100


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the dataset: one hero, the how-manieth time."""

    hero: Hero
    repeat: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How many slots a build fills, and for how many a first answer is cached."""

    slots: int
    cached: int

    @property
    def missing(self) -> int:
        return self.slots - self.cached


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What a build job was asked to do; it is kept in the job's row."""

    repeats: int
    limit: int | None
    model: str
    small: bool  # whether the author model is asked with the profile for small models

    def __post_init__(self) -> None:
        if not 1 <= self.repeats <= MOST_REPEATS:
            raise UserError(f"Repeats must lie between 1 and {MOST_REPEATS}.")
        if self.limit is not None and self.limit < FEWEST:
            raise UserError(f"A dataset needs at least {FEWEST} examples: set limit to {FEWEST} or more.")


class Planner:
    """Lays a build out: its slots in order, and the question that belongs to each."""

    def __init__(self, vocabulary: Vocabulary, prompts: Prompts) -> None:
        self._vocabulary = vocabulary
        self._prompts = prompts

    def slots(self, spec: BuildSpec) -> Iterator[Slot]:
        """The grid's slots, repeat by repeat.

        Within a repeat they are shuffled, always in the same way, so that a limited build is spread over the
        grid and a later, larger one finds its examples cached.
        """
        every = (
            Slot(hero, repeat)
            for repeat in range(spec.repeats)
            for hero in sorted(self._vocabulary.grid.heroes(repeat), key=lambda hero: _seed(asdict(hero)))
        )
        return islice(every, spec.limit)

    def question(self, spec: BuildSpec, slot: Slot, attempt: int) -> tuple[Request, Ask]:
        """The question of one attempt at a slot, with the request under which its answer is kept."""
        seed = _seed({**asdict(slot), "attempt": attempt})
        ask = self._prompts.ask_author(slot.hero, small=spec.small, seed=seed)
        request = Request(
            **asdict(slot.hero),
            repeat=slot.repeat,
            attempt=attempt,
            template_version=self._prompts.version,
            model=spec.model,
            params={**ask.sampling.model_dump(), "asked": _digest((ask.messages, ask.ending)).hex()},
        )
        return request, ask

    async def plan(self, db: Database, spec: BuildSpec) -> Plan:
        """Count what is cached and what is missing."""
        keys = await asyncio.to_thread(self._first_keys, spec)  # thousands of hashes: not on the event loop
        async with db.read() as tx:
            cached = await examples.answers(tx, keys)
        return Plan(slots=len(keys), cached=len(cached))

    def _first_keys(self, spec: BuildSpec) -> list[str]:
        return [self.question(spec, slot, 0)[0].key for slot in self.slots(spec)]


def _seed(parts: dict[str, Any]) -> int:
    """A number below 2^31 that follows from the parts alone, on every machine."""
    return int.from_bytes(_digest(parts)[:4]) >> 1


def _digest(parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()
