"""Jobs: long work that a cog or the terminal asks for and a worker does. Data meets in the job's row."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.errors import Busy, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.store import batches, jobs
from bot.store.database import Database, Transaction
from bot.store.job_schema import JobSpec, Kind
from bot.store.jobs import Job, State

WAITING_FOR_ANSWER = mark("Job {job_id} waits for an answer. {question}")


_NAMES: dict[Kind, str] = {"build": mark("dataset build"), "finetune": mark("fine-tuning")}
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
    """Takes orders for jobs, changes of mind among them, and tells how they stand."""

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
        """Write a job down; it waits for confirm(). Raises Busy where one of the kind is active."""
        async with self._db.write() as tx:
            await _none_active(tx, spec.kind)
            return await jobs.add(
                tx, spec=spec, requester_id=requester_id, channel_id=channel_id, at=time.time()
            )

    async def submit(self, spec: JobSpec, **origin: int | None) -> Job:
        """Plan a job and confirm it in one go: where somebody has seen the plan already."""
        return await self.confirm((await self.plan(spec, **origin)).id)

    async def confirm(self, job_id: int) -> Job:
        """Queue a planned job. Raises Busy where one of its kind is active by now."""
        return await self._change_state(job_id, "queued", was=("planned",), created_at=time.time())

    async def pause(self, job_id: int) -> Job:
        """Stop a job until it is resumed; calls that are out are waited for."""
        return await self._change_state(job_id, "paused", was=("queued", "running"))

    async def resume(self, job_id: int) -> Job:
        """Let a paused job go on where it was. Raises UserError with its question where it has one."""
        job = await self.get(job_id)
        if job.question:
            raise UserError(WAITING_FOR_ANSWER, job_id=job_id, question=job.question)
        return await self._change_state(job_id, "queued", was=("paused",))

    async def answer(self, job_id: int, remote_job_id: str | None) -> Job:
        """Answer a fine-tuning's question, whether a training was started: by its id, or None for no.

        Raises UserError where nothing was asked.
        """
        job = await self.get(job_id)
        if not job.question:
            raise UserError("Job {job_id} has asked nothing.", job_id=job_id)
        async with self._db.read() as tx:
            if remote_job_id in await jobs.remote_ids(tx) - {job.remote_job_id}:
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

        What a worker has, or somebody elsewhere, is ended by a worker: it tells them to stop.
        """
        job = await self.get(job_id)
        async with self._db.read() as tx:
            elsewhere = job.remote_job_id or job.remote_asked_at or await batches.out(tx, job_id=job_id)
        if not (self.is_claimed(job) or elsewhere):
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
        """The job. Raises UserError where there is none."""
        async with self._db.read() as tx:
            found = await jobs.get(tx, job_id)
        if found is None:
            raise UserError("There is no job {job_id}. `herosmith jobs list` shows them.", job_id=job_id)
        return found

    def is_claimed(self, job: Job) -> bool:
        """Return whether a worker has the job and sent a heartbeat lately."""
        return bool(job.owner) and time.time() - (job.heartbeat or 0) < self.timing.stale_after

    async def recent(self, most: int = 10) -> list[Job]:
        """The newest jobs, the newest first."""
        async with self._db.read() as tx:
            return await jobs.recent(tx, most)

    async def unnotified(self) -> list[Job]:
        """Jobs of a channel that are active, or whose end nobody has been told yet."""
        async with self._db.read() as tx:
            return await jobs.unnotified(tx)

    async def set_message(self, job_id: int, message_id: int) -> None:
        """Note which message shows the job's progress."""
        async with self._db.write() as tx:
            await jobs.change(tx, job_id, message_id=message_id)

    async def mark_notified(self, job_id: int) -> None:
        """Note that the job's end was told."""
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
                "Job {job_id} is {state}: that cannot be done with it now.",
                job_id=job_id,
                state=LocalizedMessage(_STATES[job.state]),
            )
        return job


async def _none_active(tx: Transaction, kind: Kind) -> None:
    other = await jobs.active(tx, kind)
    if other is None:
        return
    name, at = LocalizedMessage(_NAMES[kind]), LocalizedMessage("")
    if other.total:
        at = LocalizedMessage(", {done} of {total} done", done=other.done, total=other.total)
    if other.state == "paused":
        raise Busy(
            "A {kind} is paused{at}, job {id}. Resume or cancel it first.",
            kind=name,
            at=at,
            id=other.id,
        )
    if other.state == "cancelling":
        raise Busy(
            "A {kind} is just being cancelled, job {id}. Ask again in a minute.",
            kind=name,
            id=other.id,
        )
    raise Busy(
        "A {kind} is running already{at}, job {id}. Wait for its end, then ask again.",
        kind=name,
        at=at,
        id=other.id,
    )
