"""Queries on batches of a provider's Batch API."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from bot.store import clock
from bot.store.database import Transaction
from bot.store.schema import batch


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch of a job.

    prompt_tokens and completion_tokens are the most that it may use. file and remote_id are the provider's
    ids, None until they are known. taken is how many of its results are stored; over: all of them are.
    """

    id: int
    job_id: int
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    file: str | None
    remote_id: str | None
    taken: int
    over: bool
    at: float


async def add(tx: Transaction, **values: Any) -> BatchRow:
    """Add a batch before it is sent.

    values are job_id, model, requests and both token counts; at: now, if it is left out.
    """
    insert = batch.insert().values({"at": clock.now(), **values})
    row = (await tx.execute(insert.returning(*batch.c))).one()
    return BatchRow(**row._mapping)


async def change(tx: Transaction, batch_id: int, **values: Any) -> BatchRow:
    changed = update(batch).where(batch.c.id == batch_id).values(values).returning(*batch.c)
    return BatchRow(**(await tx.execute(changed)).one()._mapping)


async def list_of_job(tx: Transaction, job_id: int) -> list[BatchRow]:
    """Return all batches of a job, in the order of their creation."""
    query = select(batch).where(batch.c.job_id == job_id).order_by(batch.c.id)
    return [BatchRow(**row._mapping) for row in await tx.execute(query)]


async def list_open(
    tx: Transaction, *, model: str | None = None, job_id: int | None = None, younger_than: float | None = None
) -> list[BatchRow]:
    """Return batches whose results are not all stored: all, or those of a model or a job.

    younger_than: leave out batches that were added so many seconds ago, or earlier.
    """
    query = select(batch).where(batch.c.over.is_(False)).order_by(batch.c.id)
    if model is not None:
        query = query.where(batch.c.model == model)
    if job_id is not None:
        query = query.where(batch.c.job_id == job_id)
    if younger_than is not None:
        query = query.where(batch.c.at > clock.now() - younger_than)
    return [BatchRow(**row._mapping) for row in await tx.execute(query)]
