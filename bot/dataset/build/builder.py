"""Building: every slot filled with a text that passes curation, every answer cached before it counts."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.chat import ChatRequest
from bot.dataset.build.example_selector import FLAGGED, ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner
from bot.errors import Unavailable
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.retry import BACKGROUND
from bot.store import examples
from bot.store.database import Database, WriteTask
from bot.store.examples import ReceivedAnswer, Request, SentRequest, Speed, StoredAnswer
from bot.store.job_schema import BuildSpec

# The engine answers eight at once: one stays free, so that /hero need not wait for a build. Hosted models
# answer as many as their limits allow, which the pace finds out.
ENGINE_WORKERS, HOSTED_WORKERS = 7, 50

_WRITING = LocalizedMessage("writing examples")
_HOMECOMING = 60.0  # seconds that answers on their way get when a build is stopped
_WATCH = 5.0  # seconds between two looks whether the server makes everyone wait


class ProgressSink(Protocol):
    """Who looks on while a build goes: a job's run.

    Raising ends the build; what is out comes home all the same.
    """

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None: ...


@dataclass(slots=True)
class Built:
    """What a build came to.

    done counts slots, asked and cached count answers, calls the attempts at the API; rejected counts answers
    by their fault, given_up the slots left empty.
    """

    done: int = 0
    asked: int = 0
    calls: int = 0
    cached: int = 0
    given_up: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    finish_reasons: Counter[str] = field(default_factory=Counter)

    def see(self, choice: Selection) -> None:
        """Count the answers that are cached for a slot."""
        self.cached += choice.tried
        self.rejected.update(choice.rejections)
        self.finish_reasons.update(choice.finish_reasons)

    def close(self, *, filled: bool) -> None:
        """Count a slot as done, filled or given up."""
        self.done += 1
        self.given_up += not filled


class Builder:
    """Writes examples with a model: a fixed number of workers over a lazy walk through the slots."""

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        planner: Planner,
        chooser: ExampleSelector,
        moderation: Moderation,
        *,
        workers: int,
    ) -> None:
        self._db = db
        self._client = client
        self._planner = planner
        self._chooser = chooser
        self._workers = workers
        self._moderation = moderation

    async def build(
        self, spec: BuildSpec, watch: ProgressSink, account: Account, without: Collection[int] = ()
    ) -> Built:
        """Fill the slots. Killed at any moment, the next build repeats only calls that were in the air.

        without are ids of examples that may not be used again. Raises Unavailable where the model server
        stays out of reach, OverBudget where the money ends; what was answered stays cached.
        """
        build = _Build(spec, account, self._planner.size(spec), without)
        walk = self._chooser.walk(spec, self._planner.slots(spec), without)
        line = asyncio.Lock()

        async def work() -> None:
            while choice := await self._next_open(walk, line, build, watch):
                await self._fill(choice, build)
                await build.tell(watch)

        await watch.progress(0, build.total, _WRITING)
        try:
            await _first(self._tell_pauses(build, watch), _together(work() for _ in range(self._workers)))
        finally:
            await self._come_home()
            await self._clock(build)
        return build.built

    async def _come_home(self) -> None:
        """Wait for answers on their way, also where the build is told again to stop meanwhile.

        Whoever takes the build up next would hold them for lost, and pay for them twice.
        """
        home = asyncio.create_task(self._client.wait_for_bookings())
        end = time.monotonic() + _HOMECOMING
        told_again: asyncio.CancelledError | None = None
        while not home.done() and time.monotonic() < end:
            try:
                await asyncio.wait({home}, timeout=end - time.monotonic())
            except asyncio.CancelledError as error:
                told_again = error
        if told_again:
            raise told_again

    async def _next_open(
        self, walk: AsyncIterator[Selection], line: asyncio.Lock, build: "_Build", watch: ProgressSink
    ) -> Selection | None:
        """The next slot that has to be asked for; what is cached is counted on the way."""
        async with line:
            async for choice in walk:
                judged = await self._moderation.judge(choice)
                build.built.see(judged)
                if judged.accepted is None and judged.tried < self._chooser.attempts:
                    return judged
                build.built.close(filled=judged.accepted is not None)
                if build.built.done % 500 == 0:
                    await build.tell(watch)
        return None

    async def _fill(self, choice: Selection, build: "_Build") -> None:
        """Ask for a slot until an answer passes, a bounded number of times."""
        for attempt in range(choice.tried, self._chooser.attempts):
            request, ask = self._planner.question(build.spec, choice.slot, attempt)
            example = await self._answer(request, ask, build)
            text, fault = self._chooser.judge(choice.slot, example, build.without)
            if fault is None and await self._moderation.flagged(example.id, text):
                fault = FLAGGED
            if fault is None:
                build.built.close(filled=True)
                return
            build.built.rejected[fault] += 1
        build.built.close(filled=False)

    async def _answer(self, request: Request, ask: ChatRequest, build: "_Build") -> StoredAnswer:
        """Ask: the answer is committed before it is counted."""
        record = ExampleRecord(self._db, request)
        answer = await self._client.complete(
            ask, model=request.model, account=build.account, retry_policy=BACKGROUND, record=record
        )
        if record.kept is None:
            raise Unavailable("An answer could not be kept.")
        build.built.asked += 1
        build.built.calls += answer.attempts
        build.built.finish_reasons[answer.finish_reason] += 1
        return record.kept

    async def _tell_pauses(self, build: "_Build", watch: ProgressSink) -> None:
        """Say so where the server makes everyone wait: nothing else moves meanwhile."""
        while True:
            await asyncio.sleep(_WATCH)
            wait = self._client.rate_limiter(build.spec.model).paused_for
            if wait > _WATCH:
                until = time.strftime("%H:%M:%S", time.gmtime(time.time() + wait))
                phase = LocalizedMessage("the model server asks to wait until {time} UTC", time=until)
                await watch.progress(build.built.done, build.total, phase)

    async def _clock(self, build: "_Build") -> None:
        """Keep how fast it went, for the next plan's forecast."""
        if build.rate is None:
            return
        pace = self._client.rate_limiter(build.spec.model)
        speed = Speed(build.rate, pace.per_second("requests"), pace.per_second("tokens"))
        async with self._db.write() as tx:
            await examples.set_speed(tx, build.spec.model, speed, at=time.time())


class _Build:
    """One build on its way."""

    def __init__(self, spec: BuildSpec, account: Account, total: int, without: Collection[int]) -> None:
        self.spec = spec
        self.account = account
        self.total = total
        self.without = without
        self.built = Built()
        self._started = time.monotonic()

    @property
    def rate(self) -> float | None:
        """Answers a second; None before the first one."""
        return self.built.asked / (time.monotonic() - self._started) if self.built.asked else None

    async def tell(self, watch: ProgressSink) -> None:
        await watch.progress(self.built.done, self.total, _WRITING, self.rate)


class ExampleRecord:
    """Writes an example's row: that it was asked for, and the answer."""

    def __init__(self, db: Database, request: Request) -> None:
        self._db = db
        self._request = request
        self.kept: StoredAnswer | None = None

    async def sent(self) -> None:
        await self._db.write_together(WriteTask(examples.mark_asked, SentRequest(self._request, time.time())))

    async def answered(self, answer: ChatAnswer, booking: WriteTask[None]) -> None:
        """Keep the answer and its price: both or neither."""
        received = ReceivedAnswer(
            self._request,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            time.time(),
        )
        self.kept = await self._db.write_together(WriteTask(examples.add_answers, received), booking)

    async def failed(self) -> None:
        async with self._db.write() as tx:
            await examples.mark_failed(tx, self._request.key)


async def _first(*work: Coroutine[Any, Any, None]) -> None:
    """Run all at once until the first one ends, well or not; that ends the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _end(tasks)


async def _together(work: Iterator[Awaitable[None]]) -> None:
    """Run all at once; the first failure ends the others and is raised as it was."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _end(tasks)


async def _end(tasks: Sequence["asyncio.Future[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
