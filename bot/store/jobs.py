"""Queries on jobs: long work with a row of its own, ordered by people and rendered by the bot."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select, update

from bot.i18n.message import LocalizedMessage
from bot.store import clock
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
from bot.store.schema import ACTIVE_JOB, job, spending

State = Literal["planned", "queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"]

SpecT = TypeVar("SpecT", BuildSpec, FinetuneSpec)
ResultT = TypeVar("ResultT", BuildResult, FinetuneResult)

ACTIVE: tuple[State, ...] = ("queued", "running", "paused", "cancelling")


@dataclass(frozen=True, slots=True)
class Job:
    """One row of work. done and total count examples or training steps; phase says what is being done.

    rate is examples or steps a second; cost what the job has spent so far, in US dollars; lost counts calls
    that were in flight when a worker died, which may be paid twice. remote_asked_at is when a server was
    asked to start a training; question is what an operator must answer before the job continues;
    reference is under what logs have what is done for it, None for a job of an older version.

    read_at is when the row was read. It and all other times are the database's: compare them with each other,
    never with this host's clock. behind: the job that has to end before this one, which is queued, may run;
    None if there is none, or nobody has looked.
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
    reference: str | None
    heartbeat: float | None
    remote_asked_at: float | None
    created_at: float | None
    started_at: float | None
    finished_at: float | None
    read_at: float = field(compare=False)
    behind: int | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    def can_be_done_by(self, server: str) -> bool:
        """Return whether a worker that uses a model server can do it: it is for that one, or for any."""
        return self.spec.server in ("", server) or not server

    @property
    def silence(self) -> float | None:
        """The seconds since its worker's last heartbeat; None if no worker has it."""
        return None if self.owner is None or self.heartbeat is None else self.read_at - self.heartbeat

    @property
    def holds_lanes(self) -> bool:
        """Whether others of its lanes have to wait: a worker has it, or a server may work for it."""
        return not self.ended and (
            self.owner is not None
            or self.state in ("running", "cancelling")
            or self.remote_asked_at is not None
        )

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
    at: float | None = None,
    reference: str | None = None,
) -> Job:
    """Add a planned job. at: when it was ordered; None: now."""
    values = {
        "kind": spec.kind,
        "spec": spec.to_json(),
        "state": "planned",
        "requester_id": requester_id,
        "channel_id": channel_id,
        "reference": reference,
        "created_at": clock.now() if at is None else at,
    }
    row = (await tx.execute(job.insert().values(values).returning(*job.c, _READ_AT))).one()
    return _job(row, cost=0.0)


def _job(row: Row[Any], **others: Any) -> Job:
    columns: dict[str, Any] = {**row._mapping, **others}
    kind: Kind = columns["kind"]
    columns["spec"] = SPECS[kind].from_json(columns["spec"])
    if columns["result"] is not None:
        columns["result"] = RESULTS[kind].from_json(columns["result"])
    return Job(**columns)


_READ_AT = clock.now().label("read_at")


def _jobs() -> Select[Any]:
    """Return a query for jobs, each with what it has spent."""
    spent = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.job_id == job.c.id)
    return select(job, spent.scalar_subquery().label("cost"), _READ_AT)


async def get(tx: Transaction, job_id: int) -> Job | None:
    row = (await tx.execute(_jobs().where(job.c.id == job_id))).one_or_none()
    return _job(row) if row else None


async def recent(tx: Transaction, limit: int) -> list[Job]:
    """Return the newest jobs, newest first, without plans that nobody confirmed."""
    query = _jobs().where(job.c.state != "planned").order_by(job.c.id.desc()).limit(limit)
    return [_job(row) for row in await tx.execute(query)]


async def list_active(tx: Transaction, *kinds: Kind) -> list[Job]:
    """Return the jobs of these kinds that wait, run or are paused, oldest first."""
    query = _jobs().where(job.c.kind.in_(kinds), ACTIVE_JOB).order_by(job.c.id)
    return [_job(row) for row in await tx.execute(query)]


def blocker(waiting: Job, active: Iterable[Job]) -> Job | None:
    """Return the first of the active jobs that has a lane of a job, which has to wait for it."""
    same = (each for each in active if each.kind == waiting.kind and each.id != waiting.id)
    return next((each for each in same if each.holds_lanes and each.spec.lanes & waiting.spec.lanes), None)


async def with_blockers(tx: Transaction, found: list[Job]) -> list[Job]:
    """Return jobs, and for each that is queued the one that it has to wait for, if there is one."""
    queued = {each.kind for each in found if each.state == "queued"}
    if not queued:
        return found
    active = await list_active(tx, *queued)
    blockers = {each.id: blocker(each, active) for each in found if each.state == "queued"}
    return [replace(each, behind=other.id) if (other := blockers.get(each.id)) else each for each in found]


async def newest(tx: Transaction, kind: Kind) -> Job | None:
    """Return the newest job of a kind, a plan that nobody confirmed included."""
    query = _jobs().where(job.c.kind == kind).order_by(job.c.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return _job(row) if row else None


async def unnotified(tx: Transaction) -> list[Job]:
    """Return the jobs of channels whose end was not announced yet, active ones included."""
    conditions = (job.c.announced.is_(False), job.c.channel_id.is_not(None), job.c.state != "planned")
    return [_job(row) for row in await tx.execute(_jobs().where(*conditions).order_by(job.c.id))]


async def change_state(
    tx: Transaction,
    job_id: int,
    state: State,
    *,
    was: tuple[State, ...],
    stale_after: float | None = None,
    **values: Any,
) -> bool:
    """Change a job's state as a person wishes.

    Return False, with nothing changed, if its state is not one of `was`, or, with stale_after, if a worker
    has it whose last heartbeat is not so many seconds old.
    """
    now = (job.c.id == job_id) & job.c.state.in_(was)
    if stale_after is not None:
        now &= unclaimed(stale_after)
    return (await tx.execute(update(job).where(now).values(state=state, **values))).rowcount == 1


def heartbeat_unless_claimed() -> ColumnElement[float | None]:
    """Return what a job's heartbeat is to be if it begins to wait now: claim() counts from there."""
    return case((job.c.owner.is_(None), clock.now()), else_=job.c.heartbeat)


def silent(stale_after: float) -> ColumnElement[bool]:
    """Match jobs whose worker has sent no heartbeat for so many seconds."""
    return job.c.heartbeat < clock.now() - stale_after


def unclaimed(stale_after: float) -> ColumnElement[bool]:
    """Match jobs that no worker has, or one that was silent for so many seconds."""
    return or_(job.c.owner.is_(None), silent(stale_after))


async def succeeded_trainings(tx: Transaction, most: int = 20) -> list[Job]:
    """Return the newest fine-tuning jobs that succeeded, newest first."""
    done = (job.c.kind == "finetune", job.c.state == "succeeded")
    query = _jobs().where(*done).order_by(job.c.id.desc()).limit(most)
    return [_job(row) for row in await tx.execute(query)]


async def remote_trainings(tx: Transaction) -> list[Job]:
    """Return active fine-tuning jobs whose training was requested: their cost is not booked yet."""
    out = (job.c.kind == "finetune", job.c.state.in_(ACTIVE), job.c.remote_asked_at.is_not(None))
    return [_job(row) for row in await tx.execute(_jobs().where(*out))]


async def remote_job_ids(tx: Transaction) -> set[str]:
    """Return the ids of all trainings at servers that belong to a job here."""
    query = select(job.c.remote_job_id).where(job.c.remote_job_id.is_not(None))
    return set((await tx.execute(query)).scalars())


async def newest_channel(tx: Transaction) -> int | None:
    """Return the channel in which the newest job was ordered, if one was ordered in a channel."""
    query = select(job.c.channel_id).where(job.c.channel_id.is_not(None)).order_by(job.c.id.desc()).limit(1)
    found: int | None = (await tx.execute(query)).scalar_one_or_none()
    return found


async def change(tx: Transaction, job_id: int, **values: Any) -> None:
    """Write columns that are not a worker's: which message shows the job, whether its end was announced."""
    await tx.execute(update(job).where(job.c.id == job_id).values(**values))


async def forget_messages(tx: Transaction) -> None:
    """Remove every job's channel and message: a playground's channels end with its page."""
    await tx.execute(update(job).values(channel_id=None, message_id=None))


async def adopt(tx: Transaction, channel_id: int) -> None:
    """Let jobs of people whose channel is gone be shown in this one, and their ends announced there."""
    lost = (job.c.channel_id.is_(None), job.c.requester_id.is_not(None), job.c.announced.is_(False))
    await tx.execute(update(job).where(*lost, job.c.state != "planned").values(channel_id=channel_id))
