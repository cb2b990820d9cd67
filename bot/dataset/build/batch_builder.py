"""Write examples through the provider's Batch API, round by round."""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bot.dataset.build.answer_watch import AnswerWatch
from bot.dataset.build.batch_answers import parse_answers
from bot.dataset.build.batch_part import BatchPart
from bot.dataset.build.batch_round import BatchBuild, OpenSlots
from bot.dataset.build.batch_texts import BatchTexts
from bot.dataset.build.builder import BuildCounts, ExampleRecord
from bot.dataset.build.enqueued_tokens import EnqueuedTokens
from bot.dataset.build.example_selector import ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner
from bot.errors import OverBudget, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.batch_api import BatchApi, BatchLimits, BatchRefused, QueueFull, Refusal, refusal_of
from bot.llm.bookings import Bookings
from bot.llm.budget import Account, Budget
from bot.llm.client import ModelClient
from bot.llm.response import Completion
from bot.llm.retry import BACKGROUND
from bot.store import batches, examples
from bot.store.batches import BatchRow
from bot.store.database import Database
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job

log = logging.getLogger(__name__)

_CHUNK_SIZE = 500  # requests or results per transaction
_QUEUED = "queued"  # the provider's queue is full
_MAX_IDLE_ROUNDS = 3  # rounds in a row without an answer, after which the open slots are given up


class BatchBuilder:
    """Fill slots through batches. Rejected and missing answers are asked for again in the next batch.

    A batch gets a row before anything is sent, so that none is submitted twice, and its maximum cost counts
    against the budget until its answers are booked. Answers are joined to their examples by custom_id, the
    example's key.
    """

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        budget: Budget,
        bookings: Bookings,
        planner: Planner,
        selector: ExampleSelector,
        moderation: Moderation,
        limits: BatchLimits,
    ) -> None:
        self._limits = limits
        self._db = db
        self._client = client
        self._api = BatchApi(client.api, start_pauses=self._limits.start_pauses)
        self._budget = budget
        self._bookings = bookings
        self._planner = planner
        self._texts = BatchTexts(planner)
        self._selector = selector
        self._moderation = moderation

    async def build(
        self, spec: BuildSpec, run: Run, account: Account, excluded_ids: Collection[int] = ()
    ) -> BuildCounts:
        """Fill the slots.

        Raises Unavailable if the provider refuses a batch or its answers are of no use, OverBudget if a batch
        may cost too much.
        """
        build = await self._open_build(spec, run, account, excluded_ids)
        await self._collect_all(build)
        while build.idle_rounds < _MAX_IDLE_ROUNDS and await self._submit_round(build):
            await self._collect_all(build)
            build.watch.check()
            build.end_round()
        async for selection in self._walk(build):
            build.counts.add_cached(selection)
            build.counts.close_slot(filled=selection.accepted is not None)
        build.counts.cached = max(0, build.counts.cached - build.counts.asked)
        return build.counts

    async def _open_build(
        self, spec: BuildSpec, run: Run, account: Account, excluded_ids: Collection[int]
    ) -> BatchBuild:
        build = self._new_build(spec, run, account, excluded_ids, self._planner.size(spec))
        async with self._db.read() as tx:
            build.enqueued.recall(await batches.list_of_job(tx, run.job.id))
        return build

    def _new_build(
        self, spec: BuildSpec, run: Run, account: Account, excluded_ids: Collection[int], total: int
    ) -> BatchBuild:
        watch = AnswerWatch(
            self._planner.sample_question(spec).sampling.max_tokens,
            missing=lambda: build.total - build.closed_slots,
            cost=partial(self._budget.prices.max_batch_cost, spec.model),
        )
        enqueued = EnqueuedTokens(self._limits.queue_pauses)
        build = BatchBuild(spec, run, account, excluded_ids, total, watch, enqueued)  # which `missing` reads
        return build

    async def collect_finished(self, spec: BuildSpec, run: Run, account: Account) -> int:
        """Save the answers of earlier builds' finished batches with this model, without waiting for others.

        Return the number of answers.
        """
        build = self._new_build(spec, run, account, (), 0)
        for row in await self._pending(spec.model):
            if row.remote_id:
                await self._collect(build, row, wait=False)
        return build.counts.asked

    async def cancel(self, job: Job) -> None:
        """Cancel a job's batches at the provider.

        The next build with that model collects what they have answered by then.
        """
        async with self._db.read() as tx:
            pending = await batches.list_open(tx, job_id=job.id)
        for row in pending:
            remote_id = row.remote_id or (await self._api.find(_marker(row)) if row.file else None)
            if remote_id:
                await self._api.cancel(remote_id)
                await self._update(row, remote_id=remote_id)
            else:
                await self._update(row, over=True)

    def _walk(self, build: BatchBuild) -> AsyncIterator[Selection]:
        return self._selector.walk(build.spec, self._planner.slots(build.spec), build.excluded_ids)

    async def _submit_round(self, build: BatchBuild) -> bool:
        """Submit the open slots in parts, as far as the budget allows. Return whether there were any.

        If the provider's queue is small, each part is waited for before the next one is sent.
        """
        first = await OpenSlots(self._walk(build), self._moderation, self._selector).next()
        if first is None:
            return False
        await self._probe_once(build, first)
        slots, submitted = OpenSlots(self._walk(build), self._moderation, self._selector), False
        build.begin_round(slots)
        with tempfile.TemporaryDirectory() as folder:
            while part := await self._fill_part(build, slots, Path(folder)):
                try:
                    await self._submit(build, part)
                except OverBudget:
                    if not submitted:
                        raise
                    break  # the submitted parts may cost less than their maximum: the next round continues
                submitted = True
                if build.enqueued.limit is not None:
                    await self._collect_all(build)
                    build.watch.check()
        return True

    async def _fill_part(self, build: BatchBuild, slots: OpenSlots, folder: Path) -> BatchPart | None:
        """Add open slots to a part until it is full, or may cost all that is left. None: no slot is open."""
        part = BatchPart(folder / "herosmith.jsonl", self._limits, build.enqueued.limit)
        remaining = await self._budget.remaining(build.account)
        body = self._client.supported_parameters(build.spec.model).body
        with part.path.open("wb") as file:
            while selection := await slots.next():
                request, chat = self._planner.question(build.spec, selection.slot, selection.tried)
                if not part.takes(chat):
                    slots.put_back(selection)
                    break
                file.write(part.add(request, chat, body(chat)))
                if (
                    remaining is not None
                    and self._budget.prices.max_batch_cost(*part.usage_with_one_more(build.spec.model)) > remaining
                ):
                    break
        return part if part.requests else None

    async def _probe_once(self, build: BatchBuild, selection: Selection) -> None:
        """Ask for one slot directly, until an answer is of use: the first time only.

        It teaches which parameters the model refuses. Otherwise a refused parameter, or a model that only
        thinks, would cost the answers of a whole batch.
        """
        attempt = selection.tried
        while not build.probed:
            request, chat = self._planner.question(build.spec, selection.slot, attempt)
            answer = await self._client.complete(
                chat,
                model=request.model,
                account=build.account,
                retry_policy=BACKGROUND,
                record=ExampleRecord(self._db, request, build.watch),
            )
            build.counts.asked += 1
            build.counts.calls += answer.attempts
            build.probed = bool(answer.text)
            attempt += 1

    async def _submit(self, build: BatchBuild, part: BatchPart) -> None:
        await self._budget.check_batch(build.account, *part.max_usage(build.spec.model))
        remaining = iter(part.requests)
        while chunk := list(islice(remaining, _CHUNK_SIZE)):
            async with self._db.write() as tx:
                await examples.add_requests(tx, chunk)
        async with self._db.write() as tx:
            await self._budget.check_batch_within(tx, build.account, *part.max_usage(build.spec.model))
            others = await batches.list_open(tx, model=build.spec.model)
            row = await batches.add(
                tx,
                job_id=build.run.job.id,
                model=build.spec.model,
                requests=len(part.requests),
                prompt_tokens=part.prompt_tokens,
                completion_tokens=part.completion_tokens,
            )
        if others:
            build.accompanied.add(row.id)
        try:
            row = await self._update(row, file=await self._api.upload(part.path))
        except BaseException:
            await self._update(row, over=True)  # nothing was submitted
            raise
        await self._start(build, row)

    async def _start(self, build: BatchBuild, row: BatchRow) -> BatchRow | None:
        """Start a batch whose file is uploaded. Return None if the provider's queue is full.

        A batch that the provider refuses for good is over: it must not stand in the way of later builds.
        """
        try:
            remote_id = await self._api.start(row.file or "", _marker(row))
        except QueueFull as full:
            await self._update(row, over=True)
            await self._wait_for_queue(build, row, full.refusal)
            return None
        except BatchRefused as refused:
            await self._update(row, over=True)
            if row.job_id == build.run.job.id:
                raise Unavailable(refused.refusal.message) from refused
            log.warning("batch %s of job %d: %s", row.id, row.job_id, refused)
            return None
        return await self._update(row, remote_id=remote_id)

    async def _wait_for_queue(self, build: BatchBuild, row: BatchRow, refusal: Refusal) -> None:
        """Learn from a refusal how much the provider's queue takes; wait if others' work may fill it."""
        log.warning("batch %s: %s", row.id, refusal.message)
        build.refused = True
        seconds = build.enqueued.refuse(row, refusal, alone=row.id not in build.accompanied)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await build.report(0, _QUEUED)
            await asyncio.sleep(min(left, self._limits.slowest_poll))

    async def _update(self, row: BatchRow, **values: Any) -> BatchRow:
        """Update a batch's row, even if the job was stopped meanwhile: the provider has the batch."""
        async with self._db.write() as tx:
            return await batches.change(tx, row.id, **values)

    async def _pending(self, model: str) -> list[BatchRow]:
        async with self._db.read() as tx:
            return await batches.list_open(tx, model=model)

    async def _collect_all(self, build: BatchBuild) -> None:
        """Wait for every pending batch of this model, earlier jobs' too, and save the answers."""
        for row in await self._pending(build.spec.model):
            if row.remote_id is None and row.file is None:
                await self._update(row, over=True)  # killed before anything was submitted
                continue
            started = row if row.remote_id else await self._start(build, row)
            if started:
                await self._collect(build, started, wait=True)

    async def _collect(self, build: BatchBuild, row: BatchRow, *, wait: bool) -> None:
        """Save a batch's answers when it is over. Requests without an answer are open in the next round.

        If the provider's queue was full, they are sent in smaller batches. Raises Unavailable with the
        provider's reason if it refused a batch of this job for another one.
        """
        pause = self._limits.poll
        try:
            batch, over = await self._api.get(row.remote_id or "")
            while wait and not over:
                answered = batch.request_counts.completed if batch.request_counts else 0
                await build.report(answered, batch.status)
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, self._limits.slowest_poll)
                batch, over = await self._api.get(row.remote_id or "")
            if not over:
                return
            refusal = refusal_of(batch)
            if batch.output_file_id:
                await self._save_answers(build, row, batch.output_file_id)
        except UnknownModel:
            refusal = Refusal(
                LocalizedMessage("The provider no longer has this batch. Run `{/build-dataset}` again.")
            )
        await self._update(row, over=True)
        if refusal is None:
            build.enqueued.accept()
        elif row.job_id == build.run.job.id:
            if not refusal.queue_full:
                raise Unavailable(refusal.message)
            await self._wait_for_queue(build, row, refusal)

    async def _save_answers(self, build: BatchBuild, row: BatchRow, file: str) -> None:
        """Join a batch's answers to their examples, beginning at the first that is not saved yet."""
        taken = row.taken
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "output.jsonl"
            await self._api.download(file, path)
            with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as lines:
                remaining = islice(lines, taken, None)
                while chunk := list(islice(remaining, _CHUNK_SIZE)):
                    taken += len(chunk)
                    await self._save_chunk(build, row, chunk, taken)

    async def _save_chunk(self, build: BatchBuild, row: BatchRow, lines: list[str], taken: int) -> None:
        """Save some answers, book them for the batch's job, and note the position, in one transaction."""
        typical_tokens = (row.prompt_tokens // row.requests, row.completion_tokens // row.requests)
        answers = list(parse_answers(lines, build.thinking, typical_tokens))
        async with self._db.write() as tx:
            texts = await self._texts.render(
                tx,
                build.spec,
                {each.key: each.answer.text for each in answers if isinstance(each.answer, Completion)},
            )
            for each in answers:
                if isinstance(each.answer, Completion) and each.key in texts:
                    await examples.add_answer(
                        tx,
                        each.key,
                        answer=texts[each.key],
                        finish_reason=each.answer.finish_reason,
                        prompt_tokens=each.prompt_tokens,
                        completion_tokens=each.completion_tokens,
                        at=time.time(),
                    )
            await batches.change(tx, row.id, taken=taken)
            if answers:
                await self._bookings.book_within(
                    tx,
                    Account("build", row.job_id),
                    row.model,
                    sum(each.prompt_tokens for each in answers),
                    sum(each.completion_tokens for each in answers),
                    batch=True,
                    calls=len(answers),
                )
        build.count(answers)


def _marker(row: BatchRow) -> str:
    """Return the metadata that marks the provider's batch as this row's; unique over all installations."""
    return f"{row.id}-{row.at}"
