"""Builds through the provider's Batch API, round by round."""

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
from bot.dataset.build.builder import Built, ExampleRecord
from bot.dataset.build.example_selector import ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner
from bot.errors import OverBudget, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.batch_api import BatchApi, failure
from bot.llm.budget import Account, Budget
from bot.llm.client import ModelClient
from bot.llm.retry import BACKGROUND
from bot.store import batches as rows
from bot.store import examples
from bot.store.batches import BatchRow
from bot.store.database import Database
from bot.store.examples import Request
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job

log = logging.getLogger(__name__)

LARGEST_PART = 50_000  # requests: what the Batch API takes at once
_MOST_BYTES = 150_000_000  # of the 200 MB that a file may have

_CHUNK = 500  # results kept in one transaction
_IDLE_ROUNDS = 3  # that bring no answer: then the slots are given up
_POLL, _SLOWEST_POLL = 2.0, 60.0  # seconds


class BatchBuilder:
    """Fills slots through batches; whatever is rejected or lost is asked for in the next one.

    A batch is a row before anything of it goes out, so none is submitted twice, and what it may cost counts
    against the budget until its answers are booked. Answers are joined to their examples by custom_id, the
    example's key.
    """

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        budget: Budget,
        planner: Planner,
        chooser: ExampleSelector,
        moderation: Moderation,
        *,
        start_pauses: tuple[float, ...],
    ) -> None:
        self._db = db
        self._client = client
        self._batches = BatchApi(client.api, start_pauses=start_pauses)
        self._budget = budget
        self._planner = planner
        self._chooser = chooser
        self._moderation = moderation

    async def build(
        self, spec: BuildSpec, run: Run, account: Account, without: Collection[int] = ()
    ) -> Built:
        """Fill the slots.

        Raises Unavailable where the provider refuses a batch, OverBudget where one may cost too much.
        """
        build = _Build(spec, run, account, without, self._planner.size(spec))
        idle = 0  # rounds in a row that brought no answer
        await self._take_in_all(build)
        while idle < _IDLE_ROUNDS and await self._submit_round(build):
            before = build.built.asked
            await self._take_in_all(build)
            idle = idle + 1 if build.built.asked == before else 0
        async for choice in self._walk(build):
            build.built.see(choice)
            build.built.close(filled=choice.accepted is not None)
        build.built.cached = max(0, build.built.cached - build.built.asked)
        return build.built

    async def take_in_finished(self, spec: BuildSpec, run: Run, account: Account) -> int:
        """Keep what batches of earlier builds with this model have answered by now, without waiting for any.

        Returns how many answers came.
        """
        build = _Build(spec, run, account, (), 0)
        for row in await self._out(spec.model):
            if row.remote_id:
                await self._take_in(build, row, wait=False)
        return build.built.asked

    async def cancel(self, job: Job) -> None:
        """Tell the provider to stop a job's batches.

        What they have answered by then is taken in by the next build with that model.
        """
        async with self._db.read() as tx:
            pending = await rows.list_open(tx, job_id=job.id)
        for row in pending:
            remote_id = row.remote_id or (await self._batches.find(_mark(row)) if row.file else None)
            if remote_id:
                await self._batches.cancel(remote_id)
                await self._note(row, remote_id=remote_id)
            else:
                await self._note(row, over=True)

    def _walk(self, build: "_Build") -> AsyncIterator[Selection]:
        return self._chooser.walk(build.spec, self._planner.slots(build.spec), build.without)

    async def _submit_round(self, build: "_Build") -> bool:
        """Submit the slots that are open, in parts, as far as the budget goes.

        Returns whether there was one.
        """
        walk = self._walk(build)
        first = await self._next_open(walk, build)
        if first is None:
            return False
        if not build.probed:
            await self._probe(build, first)
            build.probed = True
        walk, sent = self._walk(build), False
        build.settled, build.asked_before = 0, build.built.asked
        with tempfile.TemporaryDirectory() as folder:
            while part := await self._fill_part(build, walk, Path(folder)):
                try:
                    await self._submit(build, part)
                except OverBudget:
                    if not sent:
                        raise
                    break  # what is out may turn out cheaper: the next round goes on
                sent = True
        return True

    async def _fill_part(
        self, build: "_Build", walk: AsyncIterator[Selection], folder: Path
    ) -> "_Part | None":
        """Put open slots into a part until it is full, or may cost all that is left. None: none is open."""
        part = _Part(folder / "herosmith.jsonl")
        room = await self._budget.remaining(build.account)
        body = self._client.supported_parameters(build.spec.model).body
        with part.path.open("wb") as file:
            while not part.full and (choice := await self._next_open(walk, build)):
                request, ask = self._planner.question(build.spec, choice.slot, choice.tried)
                file.write(part.line(request, ask, body(ask)))
                if (
                    room is not None
                    and self._budget.max_batch_cost(*part.and_one_more(build.spec.model)) > room
                ):
                    break
        return part if part.requests else None

    async def _next_open(self, walk: AsyncIterator[Selection], build: "_Build") -> Selection | None:
        async for choice in walk:
            judged = await self._moderation.judge(choice)
            if judged.accepted is None and judged.tried < self._chooser.attempts:
                return judged
            build.settled += 1
        return None

    async def _probe(self, build: "_Build", choice: Selection) -> None:
        """Ask for one slot directly: were a parameter refused, a whole batch would come back empty."""
        request, ask = self._planner.question(build.spec, choice.slot, choice.tried)
        record = ExampleRecord(self._db, request)
        answer = await self._client.complete(
            ask, model=request.model, account=build.account, retry_policy=BACKGROUND, record=record
        )
        build.built.asked += 1
        build.built.calls += answer.attempts

    async def _submit(self, build: "_Build", part: "_Part") -> None:
        await self._budget.check_batch(build.account, *part.at_most(build.spec.model))
        remaining = iter(part.requests)
        while chunk := list(islice(remaining, _CHUNK)):
            async with self._db.write() as tx:
                await examples.add_requests(tx, chunk)
        async with self._db.write() as tx:
            row = await rows.add(
                tx,
                job_id=build.run.job.id,
                model=build.spec.model,
                requests=len(part.requests),
                prompt_tokens=part.prompt_tokens,
                completion_tokens=part.completion_tokens,
                at=time.time(),
            )
        try:
            row = await self._note(row, file=await self._batches.upload(part.path))
        except BaseException:
            await self._note(row, over=True)  # nothing of it is out
            raise
        await self._start(row)

    async def _start(self, row: BatchRow) -> BatchRow:
        return await self._note(row, remote_id=await self._batches.start(row.file or "", _mark(row)))

    async def _note(self, row: BatchRow, **values: Any) -> BatchRow:
        """Write it down also where the job was just stopped: the batch is out."""
        async with self._db.write() as tx:
            return await rows.change(tx, row.id, **values)

    async def _out(self, model: str) -> list[BatchRow]:
        async with self._db.read() as tx:
            return await rows.list_open(tx, model=model)

    async def _take_in_all(self, build: "_Build") -> None:
        """Wait for every batch that is out, earlier jobs' for this model, too, and keep the answers."""
        for row in await self._out(build.spec.model):
            if row.remote_id is None and row.file is None:
                await self._note(row, over=True)  # killed before anything of it went out
                continue
            await self._take_in(build, row if row.remote_id else await self._start(row), wait=True)

    async def _take_in(self, build: "_Build", row: BatchRow, *, wait: bool) -> None:
        """Keep a batch's answers once it is over. What has none is open in the next round.

        Raises Unavailable with the provider's reason where it refused a batch of this very job.
        """
        pause = _POLL
        try:
            batch, over = await self._batches.get(row.remote_id or "")
            while wait and not over:
                answered = batch.request_counts.completed if batch.request_counts else 0
                await build.tell(answered, batch.status)
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, _SLOWEST_POLL)
                batch, over = await self._batches.get(row.remote_id or "")
            if not over:
                return
            refused = failure(batch)
            if batch.output_file_id:
                await self._keep(build, row, batch.output_file_id)
        except UnknownModel:
            refused = LocalizedMessage("The provider has this batch no more. Order the build again.")
        await self._note(row, over=True)
        if refused and row.job_id == build.run.job.id:
            raise Unavailable(refused)

    async def _keep(self, build: "_Build", row: BatchRow, file: str) -> None:
        """Join a batch's answers to their examples, from the first that is not kept yet on."""
        taken = row.taken
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "output.jsonl"
            await self._batches.download(file, path)
            with path.open(encoding="utf-8", errors="replace") as lines:
                remaining = islice(lines, taken, None)
                while chunk := list(islice(remaining, _CHUNK)):
                    taken += len(chunk)
                    await self._keep_some(build, row, chunk, taken)

    async def _keep_some(self, build: "_Build", row: BatchRow, lines: list[str], taken: int) -> None:
        """Keep some answers, book them for their own job, and note how far it went: all or nothing."""
        typical = (row.prompt_tokens // row.requests, row.completion_tokens // row.requests)
        answered = list(_answers(lines, typical))
        async with self._db.write() as tx:
            for one in answered:
                await examples.add_answer(
                    tx,
                    one.key,
                    answer=one.text,
                    finish_reason=one.finish_reason,
                    prompt_tokens=one.prompt_tokens,
                    completion_tokens=one.completion_tokens,
                    at=time.time(),
                )
            await rows.change(tx, row.id, taken=taken)
            if answered:
                await self._budget.book_within(
                    tx,
                    Account("build", row.job_id),
                    row.model,
                    sum(one.prompt_tokens for one in answered),
                    sum(one.completion_tokens for one in answered),
                    batch=True,
                    calls=len(answered),
                )
        build.built.asked += len(answered)
        build.built.calls += len(answered)


@dataclass(slots=True)
class _Build:
    """One build on its way."""

    spec: BuildSpec
    run: Run
    account: Account
    without: Collection[int]
    total: int
    built: Built = field(default_factory=Built)
    probed: bool = False
    settled: int = 0  # slots that this round found filled or given up
    asked_before: int = 0  # answers that had come before this round

    async def tell(self, answered: int, status: str) -> None:
        came = self.built.asked - self.asked_before
        done = min(self.total, self.settled + came + answered)
        await self.run.progress(
            done,
            self.total,
            LocalizedMessage("in the provider's batch ({status})", status=status.replace("_", " ")),
        )


@dataclass(slots=True)
class _Part:
    """Requests on their way into a batch, and what they may use at most."""

    path: Path
    requests: list[Request] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    size: int = 0  # bytes

    def line(self, request: Request, ask: ChatRequest, body: dict[str, Any]) -> bytes:
        """Count a request in; returns its line of the file."""
        asked = {"model": request.model, "messages": list(ask.messages), **body}
        whole = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": asked}
        line = json.dumps(whole, ensure_ascii=False).encode() + b"\n"
        self.requests.append(request)
        prompt_tokens, completion_tokens = ask.token_estimate
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.size += len(line)
        return line

    def at_most(self, model: str) -> tuple[str, int, int]:
        """Model and tokens, as the budget asks for them."""
        return model, self.prompt_tokens, self.completion_tokens

    def and_one_more(self, model: str) -> tuple[str, int, int]:
        """The same for a part with another request like those in it."""
        more = 1 + 1 / len(self.requests)
        return model, round(self.prompt_tokens * more), round(self.completion_tokens * more)

    @property
    def full(self) -> bool:
        return len(self.requests) >= LARGEST_PART or self.size >= _MOST_BYTES


@dataclass(frozen=True, slots=True)
class _Answer:
    """One result of a batch."""

    key: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def _answers(lines: list[str], typical: tuple[int, int]) -> Iterator[_Answer]:
    """The answered requests among results; typical tokens stand for what a provider does not tell."""
    for line in lines:
        try:
            result = json.loads(line)
            body = result["response"]["body"]
            choice, usage = body["choices"][0], body.get("usage") or {}
            yield _Answer(
                result["custom_id"],
                (choice["message"]["content"] or "").strip(),
                choice["finish_reason"] or "stop",
                usage.get("prompt_tokens", typical[0]),
                usage.get("completion_tokens", typical[1]),
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            log.warning("a batch's request has no answer: %.300s", line)


def _mark(row: BatchRow) -> str:
    """What marks the provider's batch as this row's: no other, here or elsewhere, has both numbers."""
    return f"{row.id}-{row.at}"
