"""Queries on jobs: long work with a row of its own, claimed by a worker, rendered by the bot."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import or_, select, update

from bot.store.database import Transaction
from bot.store.schema import job

Kind = Literal["build", "finetune"]

_ACTIVE = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """One row of work. done and total count examples or training steps; phase says which in words."""

    id: int
    kind: Kind
    spec: dict[str, Any]
    state: str
    phase: str
    done: int
    total: int
    result: dict[str, Any] | None
    error: str | None
    requester_id: int | None
    channel_id: int | None
    message_id: int | None
    announced: bool
    remote_file_ids: dict[str, str] | None
    remote_job_id: str | None
    owner: str | None
    heartbeat: float | None
    created_at: float | None
    started_at: float | None
    finished_at: float | None

    @property
    def ended(self) -> bool:
        return self.state not in _ACTIVE


async def add(
    tx: Transaction,
    *,
    kind: Kind,
    spec: dict[str, Any],
    requester_id: int | None,
    channel_id: int | None,
    at: float,
) -> Job:
    """Queue a job. Raises IntegrityError where one of the kind is active."""
    values = {
        "kind": kind,
        "spec": spec,
        "state": "queued",
        "requester_id": requester_id,
        "channel_id": channel_id,
        "created_at": at,
    }
    row = (await tx.execute(job.insert().values(values).returning(*job.c))).one()
    return Job(**row._mapping)


async def get(tx: Transaction, job_id: int) -> Job:
    return Job(**(await tx.execute(select(job).where(job.c.id == job_id))).one()._mapping)


async def active(tx: Transaction, kind: Kind) -> Job | None:
    row = (await tx.execute(select(job).where(job.c.kind == kind, job.c.state.in_(_ACTIVE)))).one_or_none()
    return Job(**row._mapping) if row else None


async def unannounced(tx: Transaction) -> list[Job]:
    """Jobs of a channel whose end nobody has been told yet, active ones among them."""
    query = select(job).where(job.c.announced.is_(False), job.c.channel_id.is_not(None)).order_by(job.c.id)
    return [Job(**row._mapping) for row in await tx.execute(query)]


async def claim(tx: Transaction, *, owner: str, at: float, stale_before: float) -> Job | None:
    """Take the oldest job that is queued, or whose worker has not been heard of since stale_before."""
    free = or_(job.c.state == "queued", (job.c.state == "running") & (job.c.heartbeat < stale_before))
    found = (await tx.execute(select(job).where(free).order_by(job.c.id).limit(1))).one_or_none()
    if found is None:
        return None
    taken = {"state": "running", "owner": owner, "heartbeat": at, "started_at": found.started_at or at}
    won = await tx.execute(update(job).where(job.c.id == found.id, free).values(taken))
    return await get(tx, found.id) if won.rowcount else None  # another worker was quicker


async def work_on(tx: Transaction, job_id: int, *, worker: str, **values: Any) -> bool:
    """Write what a worker says of its job. False, and nothing written, where it is not its own any more."""
    mine = (job.c.id == job_id) & (job.c.owner == worker) & (job.c.state == "running")
    return (await tx.execute(update(job).where(mine).values(**values))).rowcount == 1


async def change(tx: Transaction, job_id: int, **values: Any) -> None:
    """Write columns that are not a worker's: where a job is shown, and whether its end was told."""
    await tx.execute(update(job).where(job.c.id == job_id).values(**values))


async def forget_messages(tx: Transaction) -> None:
    """Drop every tie to a channel: for a playground, whose channels end with the page."""
    await tx.execute(update(job).values(channel_id=None, message_id=None))
