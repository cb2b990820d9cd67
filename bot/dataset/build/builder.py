"""Write examples through the chat API: fill every slot with a text that passes curation."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from bot.chat import ChatRequest
from bot.dataset.build.answer_watch import AnswerWatch
from bot.dataset.build.example_selector import FLAGGED, ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.pace import PaceMeter, default_speed
from bot.dataset.build.plan import Planner
from bot.errors import Unavailable
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account, Budget
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.retry import BACKGROUND
from bot.store import examples
from bot.store.database import Database
from bot.store.shared_writes import WriteTask
from bot.store.examples import ReceivedAnswer, Request, SentRequest, Speed, StoredAnswer
from bot.store.job_schema import BuildSpec

# The engine answers sixteen at once, or eight, and keeps a place free for /hero: what a build asks beyond that waits
# there. Hosted models answer as many as their rate limits allow, which the rate limiter finds out.
ENGINE_WORKERS, HOSTED_WORKERS = 15, 50

_WRITING = LocalizedMessage("writing examples")


@dataclass(frozen=True, slots=True)
class BuildTiming:
    """Intervals and limits of a build, in seconds."""

    drain: float = 60.0  # for calls in flight when a build is stopped
    pause_check: float = 5.0  # between two checks whether the server's rate limit pauses every call


class ProgressSink(Protocol):
    """Receives a build's progress: a job's run.

    If it raises, the build ends; calls in flight are still awaited.
    """

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None: ...


@dataclass(slots=True)
class BuildCounts:
    """The counts of a build.

    done counts slots, asked and cached count answers, calls the attempts at the API, rejected the answers by
    rejection reason, given_up the slots left empty.
    """

    done: int = 0
    asked: int = 0
    calls: int = 0
    cached: int = 0
    given_up: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    finish_reasons: Counter[str] = field(default_factory=Counter)

    def add_cached(self, selection: Selection) -> None:
        """Count the cached answers of a slot."""
        self.cached += selection.tried
        self.rejected.update(selection.rejections)
        self.finish_reasons.update(selection.finish_reasons)

    def close_slot(self, *, filled: bool) -> None:
        """Count a slot as done, filled or given up."""
        self.done += 1
        self.given_up += not filled


class Builder:
    """Write examples with a fixed number of workers, which share one lazy walk through the slots."""

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        budget: Budget,
        planner: Planner,
        selector: ExampleSelector,
        moderation: Moderation,
        *,
        workers: int,
        timing: BuildTiming,
    ) -> None:
        self._db = db
        self._client = client
        self._budget = budget
        self._planner = planner
        self.selector = selector
        self._workers = workers
        self._moderation = moderation
        self._timing = timing

    async def build(
        self, spec: BuildSpec, sink: ProgressSink, account: Account, excluded_ids: Collection[int] = ()
    ) -> BuildCounts:
        """Fill the slots. After a kill at any moment, the next build repeats only the calls in flight.

        excluded_ids: examples that may not be used again. Raises Unavailable if the model server stays out of
        reach or its answers are of no use, OverBudget if the budget is used up; answers so far stay cached.
        """
        max_tokens = self._planner.sample_question(spec).sampling.max_tokens
        cost = partial(self._budget.prices.cost, spec.model)
        pace = PaceMeter(self._workers, await self._expected_pace(spec.model))
        build = _Build(spec, account, self._planner.size(spec), excluded_ids, max_tokens, cost, pace)
        walk = self.selector.walk(spec, self._planner.slots(spec), excluded_ids)
        walk_lock = asyncio.Lock()

        async def work() -> None:
            while selection := await self._next_open(walk, walk_lock, build, sink):
                await self._fill(selection, build)
                await build.report(sink)

        await sink.progress(0, build.total, _WRITING)
        try:
            await _run_until_first(
                self._report_pauses(build, sink), _run_all(work() for _ in range(self._workers))
            )
        finally:
            await self._client.drain(self._timing.drain)
            await self._save_speed(build)
        return build.counts

    async def _next_open(
        self, walk: AsyncIterator[Selection], walk_lock: asyncio.Lock, build: "_Build", sink: ProgressSink
    ) -> Selection | None:
        """Return the next slot without an accepted answer. Count cached answers on the way."""
        async with walk_lock:
            async for candidate in walk:
                selection = await self._moderation.check(candidate)
                build.counts.add_cached(selection)
                if selection.accepted is None and selection.tried < self.selector.max_attempts:
                    return selection
                build.counts.close_slot(filled=selection.accepted is not None)
                if build.counts.done % 500 == 0:
                    await build.report(sink)
        return None

    async def _fill(self, selection: Selection, build: "_Build") -> None:
        """Ask for answers to a slot until one is accepted, or the attempts are used up."""
        for attempt in range(selection.tried, self.selector.max_attempts):
            request, chat = self._planner.question(build.spec, selection.slot, attempt)
            example = await self._ask(request, chat, build)
            text, reason = self.selector.judge(selection.slot, example, build.excluded_ids)
            if reason is None and await self._moderation.is_flagged(example.id, text):
                reason = FLAGGED
            build.pace.add(done=reason is None or attempt + 1 == self.selector.max_attempts)
            if reason is None:
                build.counts.close_slot(filled=True)
                return
            build.counts.rejected[reason] += 1
        build.counts.close_slot(filled=False)

    async def _ask(self, request: Request, chat: ChatRequest, build: "_Build") -> StoredAnswer:
        """Ask one question. The answer is committed before it is counted."""
        record = ExampleRecord(self._db, request, build.watch)
        answer = await self._client.complete(
            chat, model=request.model, account=build.account, retry_policy=BACKGROUND, record=record
        )
        if record.kept is None:
            raise Unavailable("An answer could not be saved; the log says why.")
        build.counts.asked += 1
        build.counts.calls += answer.attempts
        build.counts.finish_reasons[answer.finish_reason] += 1
        return record.kept

    async def _report_pauses(self, build: "_Build", sink: ProgressSink) -> None:
        """Report while the server's rate limit pauses every call: no other progress comes then."""
        while True:
            await asyncio.sleep(self._timing.pause_check)
            pause = self._client.rate_limiter(build.spec.model).paused_for
            if pause > self._timing.pause_check:
                until = time.strftime("%H:%M:%S", time.gmtime(time.time() + pause))
                phase = LocalizedMessage("the model server asks to wait until {time} UTC", time=until)
                await sink.progress(build.counts.done, build.total, phase)

    async def _expected_pace(self, model: str) -> float | None:
        """Return how many examples a second a model may write; None if nobody knows."""
        async with self._db.read() as tx:
            speed = await examples.get_speed(tx, model) or default_speed(model)
            usage = await examples.get_usage(tx, model)
        return speed.answers / (usage.attempts if usage else 1) if speed else None

    async def _save_speed(self, build: "_Build") -> None:
        """Save the measured speed, for later estimates.

        A build of a few answers tells less than what is known already.
        """
        if not build.counts.asked:
            return
        model = build.spec.model
        limiter = self._client.rate_limiter(model)
        async with self._db.write() as tx:
            known = await examples.get_speed(tx, model) or default_speed(model)
            answers = build.pace.answers_per_second or (known.answers if known else build.average)
            speed = Speed(answers, limiter.per_second("requests"), limiter.per_second("tokens"))
            await examples.set_speed(tx, model, speed, at=time.time())


class _Build:
    """The state of a running build."""

    def __init__(
        self,
        spec: BuildSpec,
        account: Account,
        total: int,
        excluded_ids: Collection[int],
        max_tokens: int,
        cost: Callable[[int, int], float | None],
        pace: PaceMeter,
    ) -> None:
        self.spec = spec
        self.account = account
        self.total = total
        self.excluded_ids = excluded_ids
        self.counts = BuildCounts()
        self.watch = AnswerWatch(max_tokens, missing=lambda: total - self.counts.done, cost=cost)
        self.pace = pace
        self._started = time.monotonic()

    @property
    def average(self) -> float:
        """Answers per second since the start, the loading of a model included."""
        return self.counts.asked / (time.monotonic() - self._started)

    async def report(self, sink: ProgressSink) -> None:
        """Report how many slots are done."""
        await sink.progress(self.counts.done, self.total, _WRITING, self.pace.examples_per_second)


class ExampleRecord:
    """Write an example's row: that it was asked, and its answer. The watch may end the build."""

    def __init__(self, db: Database, request: Request, watch: AnswerWatch) -> None:
        self._db = db
        self._request = request
        self._watch = watch
        self.kept: StoredAnswer | None = None

    async def sent(self) -> None:
        await self._db.write_together(WriteTask(examples.mark_asked, SentRequest(self._request, time.time())))

    async def answered(self, answer: ChatAnswer, booking: WriteTask[None]) -> None:
        """Save the answer and book its price, in one transaction."""
        received = ReceivedAnswer(
            self._request,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            time.time(),
        )
        self.kept = await self._db.write_together(WriteTask(examples.add_answers, received), booking)
        self._watch.add(answer.text, answer.finish_reason, answer.prompt_tokens)
        self._watch.check()

    async def failed(self, error: Exception) -> None:
        # left as under way, it would be booked once more by the next run
        await self._db.write_when_free(lambda tx: examples.mark_failed(tx, self._request.key))
        self._watch.add_failure(error)
        self._watch.check()


async def _run_until_first(*work: Coroutine[Any, Any, None]) -> None:
    """Run all concurrently until the first one ends or fails; then cancel the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _cancel(tasks)


async def _run_all(work: Iterator[Awaitable[None]]) -> None:
    """Run all concurrently. Cancel the others at the first failure, and raise it unwrapped."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Sequence["asyncio.Future[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
