"""Batches: a build through the provider's Batch API, at half the price and within a day."""

import asyncio
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from openai.types import Batch

from bot.dataset.build import Built, ExampleRecord
from bot.dataset.choose import Choice, Chooser
from bot.dataset.plan import BuildSpec, Planner
from bot.errors import Unavailable
from bot.llm.budget import Account, Budget
from bot.llm.client import ModelClient
from bot.llm.patience import JOB, ONCE, patiently
from bot.prompts import Ask
from bot.store import examples, jobs
from bot.store.database import Database
from bot.store.examples import Request
from bot.store.jobs import Job
from bot.worker import Run

log = logging.getLogger(__name__)

LARGEST_PART = 50_000  # requests: what the Batch API takes at once
_MOST_BYTES = 150_000_000  # of the 200 MB that a file may have

_MARK, _PART = "herosmith_job", "part"
_CHUNK = 500  # results kept in one transaction
_EXTRA_ROUNDS = 3  # for requests that came back without an answer
_POLL, _SLOWEST_POLL = 2.0, 60.0  # seconds
_OVER = frozenset({"completed", "failed", "expired", "cancelled"})


@dataclass(slots=True)
class _Part:
    """Requests on their way into a batch: a file of them, and what they may use at most."""

    path: Path
    requests: list[Request] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bytes: int = 0

    def write(self, request: Request, ask: Ask, body: dict[str, Any]) -> None:
        """Add a request."""
        line = json.dumps(
            {
                "custom_id": request.key,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": request.model, "messages": list(ask.messages), **body},
            },
            ensure_ascii=False,
        )
        with self.path.open("a", encoding="utf-8") as file:
            self.bytes += file.write(line + "\n")
        self.requests.append(request)
        asked, at_most = ask.tokens_at_most
        self.prompt_tokens += asked
        self.completion_tokens += at_most

    @property
    def full(self) -> bool:
        return len(self.requests) >= LARGEST_PART or self.bytes >= _MOST_BYTES


class BatchBuilder:
    """Fills slots through batches, round by round: whatever is rejected or lost is asked for in the next one.

    What was submitted stands in the job's row before anyone waits for it; a batch whose number got lost is
    found again by its metadata, so none is submitted twice. Answers are joined to their examples by
    custom_id, the example's key.
    """

    def __init__(
        self, db: Database, client: ModelClient, budget: Budget, planner: Planner, chooser: Chooser
    ) -> None:
        self._db = db
        self._client = client
        self._budget = budget
        self._planner = planner
        self._chooser = chooser

    async def build(
        self, spec: BuildSpec, run: Run, account: Account, without: Collection[int] = ()
    ) -> Built:
        """Fill the slots.

        Raises Unavailable where the provider refuses a batch, OverBudget where one may cost too much.
        """
        build = _Build(spec, run, account, without, self._planner.size(spec))
        for _ in range(self._chooser.attempts + _EXTRA_ROUNDS):
            await self._fetch_all(build)
            async with AsyncExitStack() as held:
                if not await self._submit_round(build, held):
                    break
                await self._fetch_all(build)
        await self._count(build)
        return build.built

    async def cancel(self, job: Job) -> None:
        """Tell the provider to stop the batches that are out.

        What it has answered by then is fetched by the next build.
        """
        for entry in job.remote_batches or []:
            if "batch" in entry and not entry.get("fetched"):
                await patiently(partial(self._client.api.batches.cancel, entry["batch"]), ONCE)

    async def _submit_round(self, build: "_Build", held: AsyncExitStack) -> bool:
        """Submit every slot that is open, in parts; held keeps what they may cost.

        Returns whether there was one.
        """
        spec = build.spec
        walk = self._chooser.walk(spec, self._planner.slots(spec), build.without)
        first = await self._next_open(walk)
        if first is None:
            return False
        await self._probe(build, first)
        with tempfile.TemporaryDirectory() as folder:
            part = _Part(Path(folder) / "part.jsonl")
            while choice := await self._next_open(walk):
                request, ask = self._planner.question(spec, choice.slot, choice.tried)
                part.write(request, ask, self._client.dialect(spec.model).body(ask))
                if part.full:
                    await self._submit(build, part, held)
                    part.path.unlink()
                    part = _Part(part.path)
            if part.requests:
                await self._submit(build, part, held)
        return True

    async def _next_open(self, walk: AsyncIterator[Choice]) -> Choice | None:
        async for choice in walk:
            if choice.accepted is None and choice.tried < self._chooser.attempts:
                return choice
        return None

    async def _probe(self, build: "_Build", choice: Choice) -> None:
        """Ask for one slot directly: were a parameter refused, a whole batch would come back empty."""
        request, ask = self._planner.question(build.spec, choice.slot, choice.tried)
        record = ExampleRecord(self._db, request)
        answer = await self._client.complete(
            ask, model=request.model, account=build.account, patience=JOB, record=record
        )
        build.built.asked += 1
        build.built.calls += answer.attempts

    async def _submit(self, build: "_Build", part: _Part, held: AsyncExitStack) -> None:
        model, job_id = build.spec.model, build.run.job.id
        await held.enter_async_context(
            self._budget.hold(build.account, model, part.prompt_tokens, part.completion_tokens, batch=True)
        )
        async with self._db.write() as tx:
            await examples.expect(tx, part.requests)
        async with self._db.read() as tx:
            job = await jobs.get(tx, job_id)
        entries = list((job.remote_batches if job else None) or [])
        content = part.path.read_bytes()
        name = f"herosmith-{len(entries)}.jsonl"
        file = await patiently(
            lambda: self._client.api.files.create(file=(name, content), purpose="batch"), JOB
        )
        entries.append({"file": file.id, "requests": len(part.requests), "model": model})
        await self._note(job_id, entries)
        await self._start(build.run.job, entries, len(entries) - 1)

    async def _start(self, job: Job, entries: list[dict[str, Any]], number: int) -> None:
        """Start an uploaded part's batch, unless that was done and only its number got lost."""
        batches = self._client.api.batches
        mark = f"{job.id}-{job.created_at}"
        recent = await patiently(lambda: batches.list(limit=100), JOB)
        known = ((each.metadata or {}, each.id) for each in recent.data)
        found = next(
            (name for meta, name in known if (meta.get(_MARK), meta.get(_PART)) == (mark, str(number))), None
        )
        if found is None:
            batch = await patiently(
                lambda: batches.create(
                    input_file_id=entries[number]["file"],
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={_MARK: mark, _PART: str(number)},
                ),
                ONCE,
            )
            found = batch.id
        entries[number]["batch"] = found
        await self._note(job.id, entries)

    async def _note(self, job_id: int, entries: list[dict[str, Any]]) -> None:
        """Write the batches into their job's row, also where the job was just stopped: they are out."""
        async with self._db.write() as tx:
            await jobs.change(tx, job_id, remote_batches=entries)

    async def _fetch_all(self, build: "_Build") -> None:
        """Wait for every batch that is out, earlier jobs' for this model, too, and keep the answers."""
        async with self._db.read() as tx:
            pending = await jobs.with_batches(tx)
        for job in pending:
            entries = job.remote_batches or []
            for number, entry in enumerate(entries):
                if entry.get("fetched") or entry["model"] != build.spec.model:
                    continue
                if "batch" not in entry:
                    await self._start(job, entries, number)
                await self._keep(await self._over(build, entry["batch"]), build)
                entry["fetched"] = True
                await self._note(job.id, entries)

    async def _over(self, build: "_Build", name: str) -> Batch:
        """Wait until a batch is over. A status never seen before counts as still running."""
        pause = _POLL
        while True:
            batch = await patiently(lambda: self._client.api.batches.retrieve(name), JOB)
            if batch.status in _OVER:
                return batch
            answered = batch.request_counts.completed if batch.request_counts else 0
            done = min(build.total, build.built.asked + answered)
            status = batch.status.replace("_", " ")
            await build.run.progress(done, build.total, f"in the provider's batch ({status})")
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _SLOWEST_POLL)

    async def _keep(self, batch: Batch, build: "_Build") -> None:
        """Join a batch's answers to their examples; what has no answer is open in the next round."""
        if batch.status == "failed":
            errors = (batch.errors.data if batch.errors else None) or []
            reasons = "; ".join(each.message or "" for each in errors)
            raise Unavailable(f"The provider refused the batch: {reasons or 'it gave no reason'}")
        if batch.output_file_id is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "output.jsonl"
            await patiently(partial(self._download, batch.output_file_id, path), JOB)
            with path.open(encoding="utf-8") as lines:
                results = (json.loads(line) for line in lines if line.strip())
                while chunk := list(islice(results, _CHUNK)):
                    await self._keep_some(chunk, build)

    async def _download(self, file: str, path: Path) -> None:
        async with self._client.api.files.with_streaming_response.content(file) as response:
            await response.stream_to_file(path)

    async def _keep_some(self, results: list[dict[str, Any]], build: "_Build") -> None:
        """Keep some answers and book them, both or neither."""
        prompt_tokens = completion_tokens = kept = 0
        async with self._db.write() as tx:
            for key, body in _bodies(results):
                choice, usage = body["choices"][0], body.get("usage") or {}
                fresh = await examples.joined(
                    tx,
                    key,
                    answer=(choice["message"].get("content") or "").strip(),
                    finish_reason=choice.get("finish_reason") or "stop",
                    prompt_tokens=usage.get("prompt_tokens", 0),
                    completion_tokens=usage.get("completion_tokens", 0),
                    at=time.time(),
                )
                if fresh:
                    kept += 1
                    prompt_tokens += usage.get("prompt_tokens", 0)
                    completion_tokens += usage.get("completion_tokens", 0)
            if kept:
                await self._budget.book_in(
                    tx,
                    build.account,
                    build.spec.model,
                    prompt_tokens,
                    completion_tokens,
                    batch=True,
                    calls=kept,
                )
        build.built.asked += kept
        build.built.calls += kept

    async def _count(self, build: "_Build") -> None:
        """Count what the slots came to."""
        built = build.built
        async for choice in self._chooser.walk(build.spec, self._planner.slots(build.spec), build.without):
            built.see(choice)
            built.close(filled=choice.accepted is not None)
        built.cached = max(0, built.cached - built.asked)


@dataclass(slots=True)
class _Build:
    """One build on its way."""

    spec: BuildSpec
    run: Run
    account: Account
    without: Collection[int]
    total: int
    built: Built = field(default_factory=Built)


def _bodies(results: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The answered requests among a batch's results: custom_id and body."""
    for result in results:
        response = result.get("response") or {}
        body = response.get("body") or {}
        if response.get("status_code") == 200 and body.get("choices"):
            yield result["custom_id"], body
        else:
            log.warning(
                "batch request %s: no answer (%s)", result.get("custom_id"), result.get("error") or response
            )
