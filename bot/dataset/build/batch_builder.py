"""Write examples through the provider's Batch API, round by round."""

import asyncio
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bot.chat import ChatRequest
from bot.dataset.build.batch_texts import BatchTexts
from bot.dataset.build.builder import BuildCounts, ExampleRecord
from bot.dataset.build.example_selector import ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner
from bot.errors import OverBudget, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.batch_api import BatchApi, BatchLimits, failure
from bot.llm.budget import Account, Budget
from bot.llm.client import ModelClient
from bot.llm.retry import BACKGROUND
from bot.store import batches, examples
from bot.store.batches import BatchRow
from bot.store.database import Database
from bot.store.examples import Request
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job

log = logging.getLogger(__name__)

_CHUNK_SIZE = 500  # requests or results per transaction
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
        self._planner = planner
        self._texts = BatchTexts(planner)
        self._selector = selector
        self._moderation = moderation

    async def build(
        self, spec: BuildSpec, run: Run, account: Account, excluded_ids: Collection[int] = ()
    ) -> BuildCounts:
        """Fill the slots.

        Raises Unavailable if the provider refuses a batch, OverBudget if a batch may cost too much.
        """
        build = _BatchBuild(spec, run, account, excluded_ids, self._planner.size(spec))
        idle_rounds = 0
        await self._collect_all(build)
        while idle_rounds < _MAX_IDLE_ROUNDS and await self._submit_round(build):
            asked = build.counts.asked
            await self._collect_all(build)
            idle_rounds = idle_rounds + 1 if build.counts.asked == asked else 0
        async for selection in self._walk(build):
            build.counts.add_cached(selection)
            build.counts.close_slot(filled=selection.accepted is not None)
        build.counts.cached = max(0, build.counts.cached - build.counts.asked)
        return build.counts

    async def collect_finished(self, spec: BuildSpec, run: Run, account: Account) -> int:
        """Save the answers of earlier builds' finished batches with this model, without waiting for others.

        Return the number of answers.
        """
        build = _BatchBuild(spec, run, account, (), 0)
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

    def _walk(self, build: "_BatchBuild") -> AsyncIterator[Selection]:
        return self._selector.walk(build.spec, self._planner.slots(build.spec), build.excluded_ids)

    async def _submit_round(self, build: "_BatchBuild") -> bool:
        """Submit the open slots in parts, as far as the budget allows. Return whether there were any."""
        walk = self._walk(build)
        first = await self._next_open(walk, build)
        if first is None:
            return False
        if not build.probed:
            await self._probe(build, first)
            build.probed = True
        walk, submitted = self._walk(build), False
        build.closed_slots, build.asked_before = 0, build.counts.asked
        with tempfile.TemporaryDirectory() as folder:
            while part := await self._fill_part(build, walk, Path(folder)):
                try:
                    await self._submit(build, part)
                except OverBudget:
                    if not submitted:
                        raise
                    break  # the submitted parts may cost less than their maximum: the next round continues
                submitted = True
        return True

    async def _fill_part(
        self, build: "_BatchBuild", walk: AsyncIterator[Selection], folder: Path
    ) -> "_BatchPart | None":
        """Add open slots to a part until it is full, or may cost all that is left. None: no slot is open."""
        part = _BatchPart(folder / "herosmith.jsonl", self._limits)
        remaining = await self._budget.remaining(build.account)
        body = self._client.supported_parameters(build.spec.model).body
        with part.path.open("wb") as file:
            while not part.is_full and (selection := await self._next_open(walk, build)):
                request, chat = self._planner.question(build.spec, selection.slot, selection.tried)
                file.write(part.add(request, chat, body(chat)))
                if (
                    remaining is not None
                    and self._budget.max_batch_cost(*part.usage_with_one_more(build.spec.model)) > remaining
                ):
                    break
        return part if part.requests else None

    async def _next_open(self, walk: AsyncIterator[Selection], build: "_BatchBuild") -> Selection | None:
        async for candidate in walk:
            selection = await self._moderation.check(candidate)
            if selection.accepted is None and selection.tried < self._selector.max_attempts:
                return selection
            build.closed_slots += 1
        return None

    async def _probe(self, build: "_BatchBuild", selection: Selection) -> None:
        """Ask for one slot directly, to learn which parameters the model refuses.

        Otherwise a refused parameter would cost the answers of a whole batch.
        """
        request, chat = self._planner.question(build.spec, selection.slot, selection.tried)
        record = ExampleRecord(self._db, request)
        answer = await self._client.complete(
            chat, model=request.model, account=build.account, retry_policy=BACKGROUND, record=record
        )
        build.counts.asked += 1
        build.counts.calls += answer.attempts

    async def _submit(self, build: "_BatchBuild", part: "_BatchPart") -> None:
        await self._budget.check_batch(build.account, *part.max_usage(build.spec.model))
        remaining = iter(part.requests)
        while chunk := list(islice(remaining, _CHUNK_SIZE)):
            async with self._db.write() as tx:
                await examples.add_requests(tx, chunk)
        async with self._db.write() as tx:
            row = await batches.add(
                tx,
                job_id=build.run.job.id,
                model=build.spec.model,
                requests=len(part.requests),
                prompt_tokens=part.prompt_tokens,
                completion_tokens=part.completion_tokens,
                at=time.time(),
            )
        try:
            row = await self._update(row, file=await self._api.upload(part.path))
        except BaseException:
            await self._update(row, over=True)  # nothing was submitted
            raise
        await self._start(row)

    async def _start(self, row: BatchRow) -> BatchRow:
        return await self._update(row, remote_id=await self._api.start(row.file or "", _marker(row)))

    async def _update(self, row: BatchRow, **values: Any) -> BatchRow:
        """Update a batch's row, even if the job was stopped meanwhile: the provider has the batch."""
        async with self._db.write() as tx:
            return await batches.change(tx, row.id, **values)

    async def _pending(self, model: str) -> list[BatchRow]:
        async with self._db.read() as tx:
            return await batches.list_open(tx, model=model)

    async def _collect_all(self, build: "_BatchBuild") -> None:
        """Wait for every pending batch of this model, earlier jobs' too, and save the answers."""
        for row in await self._pending(build.spec.model):
            if row.remote_id is None and row.file is None:
                await self._update(row, over=True)  # killed before anything was submitted
                continue
            await self._collect(build, row if row.remote_id else await self._start(row), wait=True)

    async def _collect(self, build: "_BatchBuild", row: BatchRow, *, wait: bool) -> None:
        """Save a batch's answers when it is over. Requests without an answer are open in the next round.

        Raises Unavailable with the provider's reason if it refused a batch of this job.
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
            refusal = failure(batch)
            if batch.output_file_id:
                await self._save_answers(build, row, batch.output_file_id)
        except UnknownModel:
            refusal = LocalizedMessage("The provider has this batch no more. Order the build again.")
        await self._update(row, over=True)
        if refusal and row.job_id == build.run.job.id:
            raise Unavailable(refusal)

    async def _save_answers(self, build: "_BatchBuild", row: BatchRow, file: str) -> None:
        """Join a batch's answers to their examples, beginning at the first that is not saved yet."""
        taken = row.taken
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "output.jsonl"
            await self._api.download(file, path)
            with path.open(encoding="utf-8", errors="replace") as lines:
                remaining = islice(lines, taken, None)
                while chunk := list(islice(remaining, _CHUNK_SIZE)):
                    taken += len(chunk)
                    await self._save_chunk(build, row, chunk, taken)

    async def _save_chunk(self, build: "_BatchBuild", row: BatchRow, lines: list[str], taken: int) -> None:
        """Save some answers, book them for the batch's job, and note the position, in one transaction."""
        typical_tokens = (row.prompt_tokens // row.requests, row.completion_tokens // row.requests)
        answers = list(_parse_answers(lines, typical_tokens))
        async with self._db.write() as tx:
            texts = await self._texts.render(tx, build.spec, {answer.key: answer.text for answer in answers})
            for answer in answers:
                if answer.key not in texts:
                    continue
                await examples.add_answer(
                    tx,
                    answer.key,
                    answer=texts[answer.key],
                    finish_reason=answer.finish_reason,
                    prompt_tokens=answer.prompt_tokens,
                    completion_tokens=answer.completion_tokens,
                    at=time.time(),
                )
            await batches.change(tx, row.id, taken=taken)
            if answers:
                await self._budget.book_within(
                    tx,
                    Account("build", row.job_id),
                    row.model,
                    sum(answer.prompt_tokens for answer in answers),
                    sum(answer.completion_tokens for answer in answers),
                    batch=True,
                    calls=len(answers),
                )
        build.counts.asked += len(answers)
        build.counts.calls += len(answers)


@dataclass(slots=True)
class _BatchBuild:
    """The state of a running build."""

    spec: BuildSpec
    run: Run
    account: Account
    excluded_ids: Collection[int]
    total: int
    counts: BuildCounts = field(default_factory=BuildCounts)
    probed: bool = False
    closed_slots: int = 0  # slots that this round found filled or given up
    asked_before: int = 0  # answers before this round

    async def report(self, answered: int, status: str) -> None:
        new = self.counts.asked - self.asked_before
        done = min(self.total, self.closed_slots + new + answered)
        await self.run.progress(
            done,
            self.total,
            LocalizedMessage("in the provider's batch ({status})", status=status.replace("_", " ")),
        )


@dataclass(slots=True)
class _BatchPart:
    """The requests of one batch and the maximum of tokens that they may use."""

    path: Path
    limits: BatchLimits
    requests: list[Request] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    size: int = 0  # bytes

    def add(self, request: Request, chat: ChatRequest, body: dict[str, Any]) -> bytes:
        """Add a request. Return its line of the file."""
        body = {"model": request.model, "messages": list(chat.messages), **body}
        entry = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": body}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        self.requests.append(request)
        prompt_tokens, completion_tokens = chat.token_estimate
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.size += len(line)
        return line

    def max_usage(self, model: str) -> tuple[str, int, int]:
        """Return model, prompt tokens and completion tokens, the arguments of the budget's checks."""
        return model, self.prompt_tokens, self.completion_tokens

    def usage_with_one_more(self, model: str) -> tuple[str, int, int]:
        """Return the same with another request of average size."""
        growth = 1 + 1 / len(self.requests)
        return model, round(self.prompt_tokens * growth), round(self.completion_tokens * growth)

    @property
    def is_full(self) -> bool:
        return len(self.requests) >= self.limits.max_requests or self.size >= self.limits.max_bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """One result of a batch."""

    key: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def _parse_answers(lines: list[str], typical_tokens: tuple[int, int]) -> Iterator[_Answer]:
    """Yield the answered requests. typical_tokens: for results of providers that report no usage."""
    for line in lines:
        try:
            result = json.loads(line)
            body = result["response"]["body"]
            choice, usage = body["choices"][0], body.get("usage") or {}
            yield _Answer(
                result["custom_id"],
                choice["message"]["content"] or "",
                choice["finish_reason"] or "stop",
                usage.get("prompt_tokens", typical_tokens[0]),
                usage.get("completion_tokens", typical_tokens[1]),
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            log.warning("a batch's request has no answer: %.300s", line)


def _marker(row: BatchRow) -> str:
    """Return the metadata that marks the provider's batch as this row's; unique over all installations."""
    return f"{row.id}-{row.at}"
