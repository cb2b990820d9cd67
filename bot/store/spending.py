"""Queries on spending by day, purpose, model and job."""

import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import spending

Purpose = Literal["build", "tuning", "hero"]


@dataclass(frozen=True, slots=True)
class DaySpending:
    """What was spent on a day (YYYY-MM-DD, UTC) for a purpose at a model; cost in US dollars."""

    day: str
    purpose: Purpose
    model: str
    calls: int
    cost: float


def day_of(moment: float) -> str:
    """Return the day (YYYY-MM-DD, UTC) of a moment in seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


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
    """Add to a day's sums; job_id is 0 for calls of no job, cost is None if the price is unknown."""
    key = (
        (spending.c.day == day)
        & (spending.c.purpose == purpose)
        & (spending.c.model == model)
        & (spending.c.job_id == job_id)
    )
    counts = {"calls": calls, "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    increased = {name: spending.c[name] + count for name, count in counts.items()}
    updated = await tx.execute(
        update(spending).where(key).values(**increased, cost=spending.c.cost + (cost or 0.0))
    )
    if updated.rowcount == 0:
        key_columns = {"day": day, "purpose": purpose, "model": model, "job_id": job_id, "cost": cost or 0.0}
        await tx.execute(spending.insert().values(**key_columns, **counts))


async def get_day_total(tx: Transaction, day: str) -> float:
    """Return the US dollars spent on a day."""
    query = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.day == day)
    return float((await tx.execute(query)).scalar_one())


async def list_days(tx: Transaction, since: str) -> list[DaySpending]:
    """Return the spending since a day, by day, purpose and model."""
    columns = (spending.c.day, spending.c.purpose, spending.c.model)
    query = (
        select(*columns, func.sum(spending.c.calls), func.sum(spending.c.cost))
        .where(spending.c.day >= since)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        DaySpending(day, purpose, model, int(calls), float(cost))
        for day, purpose, model, calls, cost in await tx.execute(query)
    ]


async def get_job_total(tx: Transaction, job_id: int) -> float:
    """Return the US dollars that a job has spent so far."""
    query = select(func.coalesce(func.sum(spending.c.cost), 0.0)).where(spending.c.job_id == job_id)
    return float((await tx.execute(query)).scalar_one())


async def has_booking(tx: Transaction, job_id: int) -> bool:
    """Return whether anything was booked for a job, even at an unknown price."""
    query = select(func.count()).select_from(spending).where(spending.c.job_id == job_id)
    return bool((await tx.execute(query)).scalar_one())
