"""Building: every slot filled with a text that passes curation, every answer cached before it counts."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from bot.dataset.curate import Curation
from bot.dataset.plan import BuildSpec, Planner, Slot
from bot.errors import HerosmithError
from bot.llm.client import JOB, ModelClient
from bot.prompts import Ask
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import Answered, Request

WORKERS = 7  # the engine answers eight at once: one stays free, so that /hero need not wait for a build

Progress = Callable[[int, int, str], Awaitable[None]]  # done, total, what is being done


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text that may train, and the example it was trimmed from."""

    slot: Slot
    text: str
    example_id: int


@dataclass(slots=True)
class Built:
    """What a build came to. rejected counts answers by their fault, given_up the slots left empty."""

    accepted: list[Accepted] = field(default_factory=list)
    asked: int = 0
    cached: int = 0
    repeated: int = 0
    given_up: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class Builder:
    """Writes examples with a model, a fixed number of workers over a lazy list of slots."""

    def __init__(self, db: Database, client: ModelClient, planner: Planner, curation: Curation) -> None:
        self._db = db
        self._client = client
        self._planner = planner
        self._curation = curation

    async def build(self, spec: BuildSpec, progress: Progress) -> Built:
        """Fill the slots. Killed at any moment, the next build repeats only calls that were in flight.

        Raises Unavailable where the model server stays out of reach; what was answered stays cached.
        """
        built = Built()
        async with self._db.read() as tx:
            built.repeated = await examples.in_flight(tx, spec.model)
        total = sum(1 for _ in self._planner.slots(spec))
        slots = self._planner.slots(spec)
        done = 0

        async def work() -> None:
            nonlocal done
            for slot in slots:
                await self._fill(spec, slot, built)
                done += 1
                await progress(done, total, "writing examples")

        await progress(0, total, "writing examples")
        await _together(work() for _ in range(WORKERS))
        built.accepted.sort(key=lambda found: found.example_id)
        return built

    async def _fill(self, spec: BuildSpec, slot: Slot, built: Built) -> None:
        """Ask for a slot until an answer passes, a bounded number of times."""
        for attempt in range(self._curation.attempts):
            request, ask = self._planner.question(spec, slot, attempt)
            example = await self._answer(request, ask, built)
            text = self._curation.trim(example.answer)
            fault = self._curation.fault(slot.hero, text)
            if fault is None:
                built.accepted.append(Accepted(slot, text, example.id))
                return
            built.rejected[fault] += 1
        built.given_up += 1

    async def _answer(self, request: Request, ask: Ask, built: Built) -> Answered:
        """The cached answer, or a new one: committed before it is counted."""
        async with self._db.read() as tx:
            cached = (await examples.answers(tx, [request.key])).get(request.key)
        if cached:
            built.cached += 1
            return cached
        async with self._db.write() as tx:
            await examples.asked(tx, request, at=time.time())
        try:
            answer = await self._client.complete(ask, model=request.model, patience=JOB)
        except HerosmithError:  # an answer in words: nothing was written, so nothing was paid for
            async with self._db.write() as tx:
                await examples.refused(tx, request.key)
            raise
        async with self._db.write() as tx:
            kept = await examples.answered(
                tx,
                request.key,
                answer=answer.text,
                finish_reason=answer.finish_reason,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                at=time.time(),
            )
        built.asked += 1
        return kept


async def _together(work: Iterator[Awaitable[None]]) -> None:
    """Run all at once; the first failure ends the others and is raised as it was."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
