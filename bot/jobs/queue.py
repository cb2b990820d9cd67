"""The job queue: cogs and the terminal order long work as rows of the database, workers claim them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.errors import JobActive, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.logs import ensure_reference
from bot.store import batches, clock, jobs
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
    """Plans, queues, pauses, resumes and cancels jobs, and reads their rows.

    at_once: how many jobs of a kind may be active. Those that use the same author model, or the same server
    that trains, run one after the other. server: the model server that is to work for what is planned here.
    """

    def __init__(self, db: Database, timing: WorkerTiming, *, at_once: int = 1, server: str = "") -> None:
        self._db = db
        self.timing = timing
        self._at_once = at_once
        self.server = server

    async def plan(
        self,
        spec: JobSpec,
        *,
        requester_id: int | None = None,
        channel_id: int | None = None,
    ) -> Job:
        """Add a job that waits for confirm(). Raises JobActive if no more of its kind may be active."""
        server = self.server if spec.asks_model else ""
        async with self._db.write() as tx:
            await self._check_place(tx, spec.kind)
            return await jobs.add(
                tx,
                spec=spec.model_copy(update={"server": server}),
                requester_id=requester_id,
                channel_id=channel_id,
                reference=ensure_reference(),
            )

    async def submit(self, spec: JobSpec, **origin: int | None) -> Job:
        """Plan a job and confirm it at once."""
        return await self.confirm((await self.plan(spec, **origin)).id)

    async def confirm(self, job_id: int) -> Job:
        """Queue a planned job. Raises JobActive if no more of its kind may be active by now."""
        return await self._change_state(job_id, "queued", was=("planned",), created_at=clock.now())

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
            with suppress(UserError):  # a worker took it just now
                return await self._change_state(
                    job_id,
                    "cancelled",
                    was=("planned", *jobs.ACTIVE),
                    stale_after=self.timing.stale_after,
                    owner=None,
                    finished_at=clock.now(),
                )
        return await self._change_state(
            job_id, "cancelling", was=jobs.ACTIVE, heartbeat=jobs.heartbeat_unless_claimed()
        )

    async def get(self, job_id: int) -> Job:
        """Return a job. Raises UserError if there is none."""
        async with self._db.read() as tx:
            found = await jobs.get(tx, job_id)
            if found is None:
                raise UserError("There is no job {job_id}. `{/jobs list}` shows them.", job_id=job_id)
            return (await jobs.with_blockers(tx, [found]))[0]

    def is_claimed(self, job: Job) -> bool:
        """Return whether a worker had the job, and sent a heartbeat lately, when the row was read."""
        return job.silence is not None and job.silence < self.timing.stale_after

    async def recent(self, limit: int = 10) -> list[Job]:
        """Return the newest jobs, newest first."""
        async with self._db.read() as tx:
            return await jobs.with_blockers(tx, await jobs.recent(tx, limit))

    async def active(self, kind: Kind) -> Job | None:
        """Return the oldest job of a kind that waits, runs or is paused."""
        async with self._db.read() as tx:
            return next(iter(await jobs.list_active(tx, kind)), None)

    async def unnotified(self) -> list[Job]:
        """Return the jobs of channels that are active, or whose end was not announced yet."""
        async with self._db.read() as tx:
            return await jobs.with_blockers(tx, await jobs.unnotified(tx))

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
        stale_after: float | None = None,
        **values: Any,
    ) -> Job:
        job = await self.get(job_id)
        async with self._db.write() as tx:
            if state == "queued" and job.state == "planned":
                await self._check_place(tx, job.kind)
            changed = await jobs.change_state(tx, job_id, state, was=was, stale_after=stale_after, **values)
        job = await self.get(job_id)
        if not changed:
            raise UserError(
                "Job {job_id} is {state}, so that is not possible now.",
                job_id=job_id,
                state=LocalizedMessage(_STATES[job.state]),
            )
        return job

    async def _check_place(self, tx: Transaction, kind: Kind) -> None:
        """Raise JobActive if no more jobs of a kind may be active; no other transaction writes meanwhile."""
        active = await jobs.list_active(tx, kind)
        if len(active) >= self._at_once:
            raise self._all_places_taken(kind, active)

    def _all_places_taken(self, kind: Kind, active: Sequence[Job]) -> JobActive:
        other = active[0]
        if len(active) == 1 and (self.is_claimed(other) or other.can_be_done_by(self.server)):
            return _one_is_active(other)
        name, place = LocalizedMessage(_NAMES[kind]), (other.channel_id, other.message_id)
        if len(active) == 1:
            return JobActive(
                "A {kind} waits for a worker that uses {server}, job {id}. Start one, or cancel the job, "
                "then ask again.",
                kind=name,
                server=other.spec.server,
                id=other.id,
                place=place,
            )
        return JobActive(
            "As many jobs of this kind ({kind}) are active as may be at once: {jobs}. Wait until one of them "
            "has ended, or cancel one, then ask again.",
            kind=name,
            jobs=[str(job.id) for job in active],
            place=place,
        )


def _one_is_active(other: Job) -> JobActive:
    name, place = LocalizedMessage(_NAMES[other.kind]), (other.channel_id, other.message_id)
    at = LocalizedMessage("")
    if other.total:
        at = LocalizedMessage(", {done} of {total} done", done=other.done, total=other.total)
    if other.state == "paused":
        return JobActive(
            "A {kind} is paused{at}, job {id}. Resume or cancel it first.",
            kind=name,
            at=at,
            id=other.id,
            place=place,
        )
    if other.state == "cancelling":
        return JobActive(
            "A {kind} is just being cancelled, job {id}. Ask again in a minute.",
            kind=name,
            id=other.id,
            place=place,
        )
    return JobActive(
        "A {kind} is running already{at}, job {id}. Wait for its end, then ask again.",
        kind=name,
        at=at,
        id=other.id,
        place=place,
    )
