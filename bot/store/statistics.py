"""Queries on totals of the whole installation."""

from dataclasses import dataclass

from sqlalchemy import distinct, func, select

from bot.store.database import Transaction
from bot.store.schema import dataset, description, duel_vote, model, model_event, vote


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
