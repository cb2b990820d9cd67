"""Queries on spending: what was paid, day by day, for what and for which job."""

from typing import Literal

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import spending

Purpose = Literal["build", "tuning", "hero"]


async def add(  # noqa: PLR0913 (an argument for each column)
    tx: Transaction,
    *,
    day: str,
    purpose: Purpose,
    model: str,
    job_id: int,
    prompt_tokens: int,
    completion_tokens: int,
    cost: float | None,
    calls: int = 1,
) -> None:
    """Add to a day's sum; job_id is 0 where no job paid, cost None where the price is unknown."""
    key = (
        (spending.c.day == day)
        & (spending.c.purpose == purpose)
        & (spending.c.model == model)
        & (spending.c.job_id == job_id)
    )
    counts = {"calls": calls, "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    more = {name: spending.c[name] + count for name, count in counts.items()}
    grown = await tx.execute(update(spending).where(key).values(**more, cost=spending.c.cost + (cost or 0.0)))
    if grown.rowcount == 0:
        fresh = {"day": day, "purpose": purpose, "model": model, "job_id": job_id, "cost": cost or 0.0}
        await tx.execute(spending.insert().values(**fresh, **counts))


async def of_day(tx: Transaction, day: str) -> float:
    """US dollars spent on a day, for everything."""
    query = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.day == day)
    return float((await tx.execute(query)).scalar_one())


async def of_job(tx: Transaction, job_id: int) -> float:
    """US dollars that a job has spent so far, on all days."""
    query = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.job_id == job_id)
    return float((await tx.execute(query)).scalar_one())


async def has(tx: Transaction, job_id: int) -> bool:
    """Whether anything was booked for a job, were it of an unknown price."""
    query = select(func.count()).select_from(spending).where(spending.c.job_id == job_id)
    return bool((await tx.execute(query)).scalar_one())
