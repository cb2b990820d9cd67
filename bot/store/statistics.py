"""Queries on totals of the whole installation."""

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Select, case, distinct, func, select

from bot.store import duels, jobs, trials
from bot.store.database import Transaction
from bot.store.duels import DuelTally
from bot.store.job_schema import KINDS
from bot.store.schema import (
    dataset,
    description,
    duel,
    duel_vote,
    job,
    model,
    model_event,
    notice,
    spending,
    vote,
)
from bot.store.spending import day_of
from bot.store.trials import Trial

K = TypeVar("K", str, bool)


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals. picks are votes in duels; voters have voted or picked; promoted models went live by votes.

    redrawn: descriptions that were drawn again because of a fault.
    """

    descriptions: int
    redrawn: int
    votes: int
    picks: int
    voters: int
    datasets: int
    models: int
    promoted: int


async def get_totals(tx: Transaction) -> Totals:
    voters = select(vote.c.voter).union(select(duel_vote.c.voter)).subquery()
    queries = (
        select(func.count()).select_from(description),
        select(func.count()).where(description.c.sampling["draws"].as_integer() > 1),
        select(func.count()).select_from(vote),
        select(func.count()).select_from(duel_vote),
        select(func.count()).select_from(voters),
        select(func.count()).select_from(dataset),
        select(func.count()).select_from(model),
        select(func.count(distinct(model_event.c.model_id))).where(model_event.c.what == "promoted"),
    )
    return Totals(*[int((await tx.execute(query)).scalar_one()) for query in queries])


@dataclass(frozen=True, slots=True)
class TableCounts:
    """Counts of whole tables. votes: thumbs by up and down; duel_votes: by whether they count."""

    descriptions: int
    votes: dict[str, int]
    duels: int
    duel_votes: dict[bool, int]


async def get_table_counts(tx: Transaction) -> TableCounts:
    """Count what people were shown and how they voted. It reads every row of four tables."""
    thumb = case((vote.c.value > 0, "up"), else_="down")
    return TableCounts(
        descriptions=await _count(tx, select(func.count()).select_from(description)),
        votes={"up": 0, "down": 0} | await _counts(tx, select(thumb, func.count()).group_by(thumb)),
        duels=await _count(tx, select(func.count()).select_from(duel)),
        duel_votes={True: 0, False: 0}
        | await _counts(tx, select(duel_vote.c.counts, func.count()).group_by(duel_vote.c.counts)),
    )


@dataclass(frozen=True, slots=True)
class State:
    """What the installation has now. Ages are in seconds, costs in US dollars.

    jobs: by kind and state, without plans that nobody confirmed; job_ages: of the oldest of the active jobs,
    by kind and state; heartbeat_ages: the longest of the running ones, by kind. notifications: to admins, not
    sent yet. spent_today: by purpose. trial: the running one with its votes, None if none runs.
    """

    models: dict[str, int]
    jobs: dict[tuple[str, str], int]
    job_ages: dict[tuple[str, str], float]
    heartbeat_ages: dict[str, float]
    notifications: int
    spent_today: dict[str, float]
    trial: tuple[Trial, DuelTally] | None


async def get_state(tx: Transaction, *, now: float) -> State:
    """Return the installation's state at a moment, in seconds since 1970."""
    active = await jobs.list_active(tx, *KINDS)
    job_ages, heartbeat_ages = dict[tuple[str, str], float](), dict[str, float]()
    for each in active:  # by the clock that wrote these times
        age = each.read_at - (each.created_at or each.read_at)
        job_ages[each.kind, each.state] = max(age, job_ages.get((each.kind, each.state), 0.0))
        if each.state == "running" and each.heartbeat:
            silence = each.read_at - each.heartbeat
            heartbeat_ages[each.kind] = max(silence, heartbeat_ages.get(each.kind, 0.0))
    cost = select(spending.c.purpose, func.sum(spending.c.cost)).where(spending.c.day == day_of(now))
    running = await trials.get_running(tx)
    return State(
        models=await _counts(tx, select(model.c.state, func.count()).group_by(model.c.state)),
        jobs={
            (row[0], row[1]): int(row[2])
            for row in await tx.execute(
                select(job.c.kind, job.c.state, func.count())
                .where(job.c.state != "planned")
                .group_by(job.c.kind, job.c.state)
            )
        },
        job_ages=job_ages,
        heartbeat_ages=heartbeat_ages,
        notifications=await _count(tx, select(func.count()).where(notice.c.told.is_(False))),
        spent_today={row[0]: float(row[1]) for row in await tx.execute(cost.group_by(spending.c.purpose))},
        trial=(running, await duels.get_tally(tx, running.id)) if running else None,
    )


async def _count(tx: Transaction, query: Select[int]) -> int:
    return int((await tx.execute(query)).scalar_one())


async def _counts(tx: Transaction, query: Select[K, int]) -> dict[K, int]:
    return {row[0]: int(row[1]) for row in await tx.execute(query)}
