"""Queries on jobs that a worker has: it claims one, writes its progress and its end, and releases it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from bot.i18n.message import LocalizedMessage
from bot.store import clock, jobs
from bot.store.database import Transaction
from bot.store.job_schema import JobResult, Kind
from bot.store.jobs import Job, State
from bot.store.schema import ACTIVE_JOB, job


async def claim(
    tx: Transaction, kinds: Sequence[Kind], *, owner: str, stale_after: float, server: str = ""
) -> Job | None:
    """Claim the oldest waiting job of some kinds, or one whose worker was silent for stale_after seconds.

    server: the model server that this worker uses (JobSpec.server); jobs for another one are left to workers
    that use it. One that is to be cancelled is taken by any worker if none of those did so for stale_after
    seconds: else nobody might end it.

    A job of which a lane is taken waits, and so does one that was paused and resumed until its worker has
    released it. A paused job is claimed if its worker died before it released it: the server that works for
    it may not know of the pause yet.
    """
    free = set((await tx.execute(select(job.c.id).where(_free(kinds, stale_after)))).scalars())
    active = await jobs.list_active(tx, *kinds) if free else []
    for found in active:
        if found.id not in free or not (found.can_be_done_by(server) or _is_orphan(found, stale_after)):
            continue
        if not found.holds_lanes and jobs.blocker(found, active):
            continue
        taken = {
            "state": found.state if found.state in ("cancelling", "paused") else "running",
            "owner": owner,
            "heartbeat": clock.now(),
            "started_at": func.coalesce(job.c.started_at, clock.now()),
        }
        await tx.execute(update(job).where(job.c.id == found.id).values(taken))
        return await jobs.get(tx, found.id)
    return None


def _is_orphan(found: Job, stale_after: float) -> bool:
    """Return whether a job is to be cancelled, and no worker of its server has taken it for so long."""
    return found.state == "cancelling" and found.read_at - (found.heartbeat or 0.0) >= stale_after


def _free(kinds: Sequence[Kind], stale_after: float) -> ColumnElement[bool]:
    """Match jobs that a worker may claim as far as they themselves tell."""
    due = job.c.state.in_(("queued", "running", "cancelling"))
    left = job.c.owner.is_not(None) & jobs.silent(stale_after) & (job.c.state == "paused")
    return or_(jobs.unclaimed(stale_after) & due, left) & job.c.kind.in_(kinds) & ACTIVE_JOB


async def update_claimed(tx: Transaction, job_id: int, *, worker: str, **values: Any) -> State | None:
    """Write columns of a worker's job and return the job's state: it may be paused or cancelled.

    Return None, with nothing written, if the job is another worker's by now.
    """
    mine = (job.c.id == job_id) & (job.c.owner == worker)
    updated = await tx.execute(update(job).where(mine).values(**values).returning(job.c.state))
    state: State | None = updated.scalar_one_or_none()
    return state


async def end(
    tx: Transaction,
    job_id: int,
    *,
    worker: str,
    state: State,
    result: JobResult | None = None,
    error: LocalizedMessage | None = None,
) -> bool:
    """End a job.

    Return False, with nothing written, if it is another worker's, or is to be cancelled first.
    """
    values: dict[str, Any] = {"state": state, "finished_at": clock.now(), "error": error}
    if result is not None:
        values["result"] = result.to_json()
    was = ("cancelling",) if state == "cancelled" else ("running", "paused")
    mine = (job.c.id == job_id) & (job.c.owner == worker) & job.c.state.in_(was)
    return (await tx.execute(update(job).where(mine).values(values))).rowcount == 1


async def ask(tx: Transaction, job_id: int, question: LocalizedMessage, *, worker: str) -> bool:
    """Pause a job until an operator answers. Return False if it no longer runs for this worker."""
    mine = (job.c.id == job_id) & (job.c.owner == worker) & (job.c.state == "running")
    asked = update(job).where(mine).values(state="paused", question=question)
    return (await tx.execute(asked)).rowcount == 1


async def release(tx: Transaction, job_id: int, *, worker: str) -> None:
    """Let another worker claim a job."""
    await tx.execute(update(job).where(job.c.id == job_id, job.c.owner == worker).values(owner=None))
