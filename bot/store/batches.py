"""Queries on batches: requests that were handed to a provider all at once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from bot.store.database import Transaction
from bot.store.schema import batch


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch that went out for a job.

    prompt_tokens and completion_tokens are the most that it may use; file and remote_id the provider's names,
    None until they are known; taken says how many of its results are kept already, over that all of them are.
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
    """Note a batch before anything of it goes out; values are job_id, model, requests, both tokens and at."""
    row = (await tx.execute(batch.insert().values(values).returning(*batch.c))).one()
    return BatchRow(**row._mapping)


async def change(tx: Transaction, batch_id: int, **values: Any) -> BatchRow:
    changed = update(batch).where(batch.c.id == batch_id).values(values).returning(*batch.c)
    return BatchRow(**(await tx.execute(changed)).one()._mapping)


async def out(tx: Transaction, *, model: str | None = None, job_id: int | None = None) -> list[BatchRow]:
    """Batches whose results are not all kept yet: of a model, of a job, or every one."""
    query = select(batch).where(batch.c.over.is_(False)).order_by(batch.c.id)
    if model is not None:
        query = query.where(batch.c.model == model)
    if job_id is not None:
        query = query.where(batch.c.job_id == job_id)
    return [BatchRow(**row._mapping) for row in await tx.execute(query)]
