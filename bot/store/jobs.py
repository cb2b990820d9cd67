"""Queries on jobs: long work with a row of its own, claimed by a worker, rendered by the bot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, update

from bot.i18n.message import LocalizedMessage
from bot.store.database import Transaction
from bot.store.job_schema import (
    RESULTS,
    SPECS,
    BuildResult,
    BuildSpec,
    FinetuneResult,
    FinetuneSpec,
    JobResult,
    JobSpec,
    Kind,
)
from bot.store.schema import job, spending

State = Literal["planned", "queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"]

SpecT = TypeVar("SpecT", BuildSpec, FinetuneSpec)
ResultT = TypeVar("ResultT", BuildResult, FinetuneResult)

ACTIVE: tuple[State, ...] = ("queued", "running", "paused", "cancelling")


@dataclass(frozen=True, slots=True)
class Job:
    """One row of work. done and total count examples or training steps; phase says what is being done.

    rate is how many are done a second; cost what it has spent so far, in US dollars; lost counts calls that
    were in the air when a worker died: they may have been paid twice. remote_asked_at is when a server was
    asked to start a training, question what an operator must answer before the job goes on.
    """

    id: int
    kind: Kind
    spec: JobSpec
    state: State
    phase: LocalizedMessage | None
    done: int
    total: int
    rate: float | None
    lost: int
    cost: float
    result: JobResult | None
    error: LocalizedMessage | None
    requester_id: int | None
    channel_id: int | None
    message_id: int | None
    announced: bool
    remote_file_ids: dict[str, str] | None
    remote_job_id: str | None
    question: LocalizedMessage | None
    owner: str | None
    heartbeat: float | None
    remote_asked_at: float | None
    created_at: float | None
    started_at: float | None
    finished_at: float | None

    @property
    def ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    def spec_as(self, kind: type[SpecT]) -> SpecT:
        """Return the spec. Raises TypeError if the job is of another kind."""
        if not isinstance(self.spec, kind):
            raise TypeError(f"job {self.id} is a {self.kind}")
        return self.spec

    def result_as(self, kind: type[ResultT]) -> ResultT:
        """Return the result. Raises TypeError if there is none, or the job is of another kind."""
        if not isinstance(self.result, kind):
            raise TypeError(f"job {self.id} is a {self.kind} that {self.state}: {self.error}")
        return self.result


async def add(
    tx: Transaction,
    *,
    spec: JobSpec,
    requester_id: int | None,
    channel_id: int | None,
    at: float,
) -> Job:
    """Write down a plan for a job."""
    values = {
        "kind": spec.kind,
        "spec": spec.to_json(),
        "state": "planned",
        "requester_id": requester_id,
        "channel_id": channel_id,
        "created_at": at,
    }
    row = (await tx.execute(job.insert().values(values).returning(*job.c))).one()
    return _job(row, cost=0.0)


def _job(row: Row[Any], **others: Any) -> Job:
    columns: dict[str, Any] = {**row._mapping, **others}
    kind: Kind = columns["kind"]
    columns["spec"] = SPECS[kind].from_json(columns["spec"])
    if columns["result"] is not None:
        columns["result"] = RESULTS[kind].from_json(columns["result"])
    return Job(**columns)


def _jobs() -> Select[Any]:
    """Jobs, each with what it has spent."""
    spent = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.job_id == job.c.id)
    return select(job, spent.scalar_subquery().label("cost"))


async def get(tx: Transaction, job_id: int) -> Job | None:
    row = (await tx.execute(_jobs().where(job.c.id == job_id))).one_or_none()
    return _job(row) if row else None


async def recent(tx: Transaction, most: int) -> list[Job]:
    """The newest jobs, the newest first; plans that nobody confirmed are none yet."""
    query = _jobs().where(job.c.state != "planned").order_by(job.c.id.desc()).limit(most)
    return [_job(row) for row in await tx.execute(query)]


async def active(tx: Transaction, kind: Kind) -> Job | None:
    row = (await tx.execute(_jobs().where(job.c.kind == kind, job.c.state.in_(ACTIVE)))).one_or_none()
    return _job(row) if row else None


async def unnotified(tx: Transaction) -> list[Job]:
    """Jobs of a channel whose end nobody has been told yet, active ones among them."""
    told = (job.c.announced.is_(False), job.c.channel_id.is_not(None), job.c.state != "planned")
    return [_job(row) for row in await tx.execute(_jobs().where(*told).order_by(job.c.id))]


async def change_state(
    tx: Transaction,
    job_id: int,
    state: State,
    *,
    was: tuple[State, ...],
    free_since: float | None = None,
    **values: Any,
) -> bool:
    """Change a job's state as a person wishes.

    False, and nothing changed, where it is in none of those it was in, or, with free_since, where a worker
    has it that was heard of since then.

    Raises IntegrityError where another of its kind is active.
    """
    now = (job.c.id == job_id) & job.c.state.in_(was)
    if free_since is not None:
        now &= _unclaimed(free_since)
    return (await tx.execute(update(job).where(now).values(state=state, **values))).rowcount == 1


async def claim(
    tx: Transaction, kinds: Sequence[Kind], *, owner: str, at: float, stale_before: float
) -> Job | None:
    """Take the oldest job of some kinds that waits, or whose worker has not been heard of since stale_before.

    A job that was paused and resumed waits until its worker has let go of it. One that was paused is taken
    where its worker died before it let go: what works for it elsewhere may not know of the pause yet.
    """
    silent = job.c.heartbeat < stale_before
    free = or_(
        _unclaimed(stale_before) & job.c.state.in_(("queued", "running", "cancelling")),
        job.c.owner.is_not(None) & silent & (job.c.state == "paused"),
    ) & job.c.kind.in_(kinds)
    found = (await tx.execute(_jobs().where(free).order_by(job.c.id).limit(1))).one_or_none()
    if found is None:
        return None
    state = found.state if found.state in ("cancelling", "paused") else "running"
    taken = {"state": state, "owner": owner, "heartbeat": at, "started_at": found.started_at or at}
    won = await tx.execute(update(job).where(job.c.id == found.id, free).values(taken))
    return await get(tx, found.id) if won.rowcount else None  # another worker was quicker


def _unclaimed(stale_before: float) -> ColumnElement[bool]:
    """No worker has the job, or the one that has it has not been heard of since then."""
    return or_(job.c.owner.is_(None), job.c.heartbeat < stale_before)


async def update_claimed(tx: Transaction, job_id: int, *, worker: str, **values: Any) -> State | None:
    """Write what a worker says of its job, and return its state: a person may have paused or cancelled it.

    None, and nothing written, where the job is another worker's by now.
    """
    mine = (job.c.id == job_id) & (job.c.owner == worker)
    told = await tx.execute(update(job).where(mine).values(**values).returning(job.c.state))
    state: State | None = told.scalar_one_or_none()
    return state


async def end(
    tx: Transaction,
    job_id: int,
    *,
    worker: str,
    state: State,
    at: float,
    result: JobResult | None = None,
    error: LocalizedMessage | None = None,
) -> bool:
    """End a job. False, and nothing written, where it is another worker's, or is to be cancelled first."""
    values: dict[str, Any] = {"state": state, "finished_at": at, "error": error}
    if result is not None:
        values["result"] = result.to_json()
    was = ("cancelling",) if state == "cancelled" else ("running", "paused")
    mine = (job.c.id == job_id) & (job.c.owner == worker) & job.c.state.in_(was)
    return (await tx.execute(update(job).where(mine).values(values))).rowcount == 1


async def ask(tx: Transaction, job_id: int, question: LocalizedMessage, *, worker: str) -> bool:
    """Pause a job until an operator has answered. False where it is not running for this worker any more."""
    mine = (job.c.id == job_id) & (job.c.owner == worker) & (job.c.state == "running")
    asked = update(job).where(mine).values(state="paused", question=question)
    return (await tx.execute(asked)).rowcount == 1


async def tuned(tx: Transaction, most: int = 20) -> list[Job]:
    """The newest fine-tunings that succeeded, the newest first."""
    done = (job.c.kind == "finetune", job.c.state == "succeeded")
    query = _jobs().where(*done).order_by(job.c.id.desc()).limit(most)
    return [_job(row) for row in await tx.execute(query)]


async def remote_trainings(tx: Transaction) -> list[Job]:
    """Fine-tunings that a server was asked for and that are not over: they cost what is not booked yet."""
    out = (job.c.kind == "finetune", job.c.state.in_(ACTIVE), job.c.remote_asked_at.is_not(None))
    return [_job(row) for row in await tx.execute(_jobs().where(*out))]


async def remote_ids(tx: Transaction) -> set[str]:
    """The names of all trainings at servers that belong to a job here."""
    query = select(job.c.remote_job_id).where(job.c.remote_job_id.is_not(None))
    return set((await tx.execute(query)).scalars())


async def newest_channel(tx: Transaction) -> int | None:
    """The channel in which the newest job of any channel was ordered."""
    query = select(job.c.channel_id).where(job.c.channel_id.is_not(None)).order_by(job.c.id.desc()).limit(1)
    found: int | None = (await tx.execute(query)).scalar_one_or_none()
    return found


async def release(tx: Transaction, job_id: int, *, worker: str) -> None:
    """Leave a job that was paused or cancelled to whoever may take it up."""
    await tx.execute(update(job).where(job.c.id == job_id, job.c.owner == worker).values(owner=None))


async def change(tx: Transaction, job_id: int, **values: Any) -> None:
    """Write columns that are not a worker's: where a job is shown, and whether its end was told."""
    await tx.execute(update(job).where(job.c.id == job_id).values(**values))


async def forget_messages(tx: Transaction) -> None:
    """Drop every tie to a channel: for a playground, whose channels end with the page."""
    await tx.execute(update(job).values(channel_id=None, message_id=None))
