"""The fence around a job: what its worker writes is written only while the job is this worker's.

A worker may stand still, for a minute or a day, while another takes its job over. When it wakes up, it is
between any two statements. So every transaction that a task begins for its job first looks whether the job is
still its worker's. Nobody takes the job over before that transaction ends: those that write take turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.schema import job


class JobTaken(Exception):
    """Another worker has taken the job over: this one must not touch it, and has written nothing."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"job {job_id} was taken over by another worker")


@dataclass(frozen=True, slots=True)
class Claim:
    """A job, and the worker that has claimed it."""

    job_id: int
    owner: str


_claim: ContextVar[Claim | None] = ContextVar("claim", default=None)


def current_claim() -> Claim | None:
    """Return the claim under which this task writes; None if it works for no job."""
    return _claim.get()


@contextmanager
def fenced(claim: Claim) -> Iterator[None]:
    """Let this task, and all tasks that it starts during the block, write only while the claim stands."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


async def check_claim(tx: AsyncConnection, claim: Claim) -> None:
    """Raise JobTaken if a job is another worker's by now."""
    mine = (job.c.id == claim.job_id) & (job.c.owner == claim.owner)
    if (await tx.execute(select(job.c.id).where(mine))).one_or_none() is None:
        raise JobTaken(claim.job_id)
