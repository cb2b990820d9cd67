"""The job queue: cogs and the terminal order long work as rows of the database, workers claim them."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.errors import JobActive, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.logs import ensure_reference
from bot.store import batches, jobs
from bot.store.database import Database, Transaction
from bot.store.job_schema import JobSpec, Kind
from bot.store.jobs import Job, State

WAITING_FOR_ANSWER = mark("Job {job_id} waits for an answer. {question}")


_NAMES: dict[Kind, str] = {"build": mark("dataset build"), "finetune": mark("model training")}
_STATES: dict[State, str] = {
    "planned": mark("planned"),
    "queued": mark("queued"),
    "running": mark("running"),
    "paused": mark("paused"),
    "cancelling": mark("being cancelled"),
    "succeeded": mark("done"),
    "failed": mark("failed"),
    "cancelled": mark("cancelled"),
}


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """Intervals of workers, in seconds."""

    heartbeat: float = 2.0  # between two heartbeats of a running job
    stale_after: float = 15.0  # without a heartbeat, until another worker may take a job over
    poll: float = 0.5  # between two looks for work
    progress: float = 0.5  # at least, between two writes of progress


class JobQueue:
    """Plans, queues, pauses, resumes and cancels jobs, and reads their rows."""

    def __init__(self, db: Database, timing: WorkerTiming) -> None:
        self._db = db
        self.timing = timing

    async def plan(
        self,
        spec: JobSpec,
        *,
        requester_id: int | None = None,
        channel_id: int | None = None,
    ) -> Job:
        """Add a job that waits for confirm(). Raises JobActive if another one of its kind is active."""
        async with self._db.write() as tx:
            await _none_active(tx, spec.kind)
            return await jobs.add(
                tx,
                spec=spec,
                requester_id=requester_id,
                channel_id=channel_id,
                reference=ensure_reference(),
                at=time.time(),
            )

    async def submit(self, spec: JobSpec, **origin: int | None) -> Job:
        """Plan a job and confirm it at once."""
        return await self.confirm((await self.plan(spec, **origin)).id)

    async def confirm(self, job_id: int) -> Job:
        """Queue a planned job. Raises JobActive if another one of its kind is active by now."""
        return await self._change_state(job_id, "queued", was=("planned",), created_at=time.time())

    async def pause(self, job_id: int) -> Job:
        """Stop a job until it is resumed. Calls in flight are awaited."""
        return await self._change_state(job_id, "paused", was=("queued", "running"))

    async def resume(self, job_id: int) -> Job:
        """Continue a paused job. Raises UserError with the job's question if it waits for an answer."""
        job = await self.get(job_id)
        if job.question:
            raise UserError(WAITING_FOR_ANSWER, job_id=job_id, question=job.question)
        return await self._change_state(job_id, "queued", was=("paused",))

    async def answer(self, job_id: int, remote_job_id: str | None) -> Job:
        """Answer a fine-tuning that asks whether a training was started: its id there, or None if not.

        Raises UserError if the job has asked nothing, or the id belongs to another job.
        """
        job = await self.get(job_id)
        if not job.question:
            raise UserError("Job {job_id} has asked nothing.", job_id=job_id)
        async with self._db.read() as tx:
            if remote_job_id in await jobs.remote_job_ids(tx) - {job.remote_job_id}:
                raise UserError(
                    "{remote_job_id} belongs to another job here. Give this one's.",
                    remote_job_id=remote_job_id,
                )
        return await self._change_state(
            job_id,
            "queued",
            was=("paused",),
            question=None,
            remote_job_id=remote_job_id,
            remote_asked_at=None if remote_job_id is None else job.remote_asked_at,
        )

    async def cancel(self, job_id: int) -> Job:
        """End a job, or drop a plan. What was written is kept.

        If a worker has the job, or a server works for it, it is marked as "cancelling": a worker tells the
        server to stop, then ends the job.
        """
        job = await self.get(job_id)
        async with self._db.read() as tx:
            remote_work = (
                job.remote_job_id or job.remote_asked_at or await batches.list_open(tx, job_id=job_id)
            )
        if not (self.is_claimed(job) or remote_work):
            now = time.time()
            with suppress(UserError):  # a worker took it just now
                return await self._change_state(
                    job_id,
                    "cancelled",
                    was=("planned", *jobs.ACTIVE),
                    free_since=now - self.timing.stale_after,
                    owner=None,
                    finished_at=now,
                )
        return await self._change_state(job_id, "cancelling", was=jobs.ACTIVE)

    async def get(self, job_id: int) -> Job:
        """Return a job. Raises UserError if there is none."""
        async with self._db.read() as tx:
            found = await jobs.get(tx, job_id)
        if found is None:
            raise UserError("There is no job {job_id}. `{/jobs list}` shows them.", job_id=job_id)
        return found

    def is_claimed(self, job: Job) -> bool:
        """Return whether a worker has the job and sent a heartbeat lately."""
        return bool(job.owner) and time.time() - (job.heartbeat or 0) < self.timing.stale_after

    async def recent(self, limit: int = 10) -> list[Job]:
        """Return the newest jobs, newest first."""
        async with self._db.read() as tx:
            return await jobs.recent(tx, limit)

    async def active(self, kind: Kind) -> Job | None:
        """Return the job of a kind that waits, runs or is paused; there is at most one."""
        async with self._db.read() as tx:
            return await jobs.active(tx, kind)

    async def unnotified(self) -> list[Job]:
        """Return the jobs of channels that are active, or whose end was not announced yet."""
        async with self._db.read() as tx:
            return await jobs.unnotified(tx)

    async def set_message(self, job_id: int, message_id: int | None) -> None:
        """Record which message shows the job's progress; None if there is none any more."""
        await self._db.write_when_free(lambda tx: jobs.change(tx, job_id, message_id=message_id))

    async def move(self, job_id: int, channel_id: int, message_id: int) -> None:
        """Record that the job is shown elsewhere from now on."""
        await self._db.write_when_free(
            lambda tx: jobs.change(tx, job_id, channel_id=channel_id, message_id=message_id)
        )

    async def mark_notified(self, job_id: int) -> None:
        """Record that the job's end was announced."""
        async with self._db.write() as tx:
            await jobs.change(tx, job_id, announced=True)

    async def _change_state(
        self,
        job_id: int,
        state: State,
        *,
        was: tuple[State, ...],
        free_since: float | None = None,
        **values: Any,
    ) -> Job:
        job = await self.get(job_id)
        async with self._db.write() as tx:
            if state == "queued" and job.state == "planned":
                await _none_active(tx, job.kind)
            changed = await jobs.change_state(tx, job_id, state, was=was, free_since=free_since, **values)
        job = await self.get(job_id)
        if not changed:
            raise UserError(
                "Job {job_id} is {state}, so that is not possible now.",
                job_id=job_id,
                state=LocalizedMessage(_STATES[job.state]),
            )
        return job


async def _none_active(tx: Transaction, kind: Kind) -> None:
    other = await jobs.active(tx, kind)
    if other is None:
        return
    name, at = LocalizedMessage(_NAMES[kind]), LocalizedMessage("")
    place = (other.channel_id, other.message_id)
    if other.total:
        at = LocalizedMessage(", {done} of {total} done", done=other.done, total=other.total)
    if other.state == "paused":
        raise JobActive(
            "A {kind} is paused{at}, job {id}. Resume or cancel it first.",
            kind=name,
            at=at,
            id=other.id,
            place=place,
        )
    if other.state == "cancelling":
        raise JobActive(
            "A {kind} is just being cancelled, job {id}. Ask again in a minute.",
            kind=name,
            id=other.id,
            place=place,
        )
    raise JobActive(
        "A {kind} is running already{at}, job {id}. Wait for its end, then ask again.",
        kind=name,
        at=at,
        id=other.id,
        place=place,
    )
