"""Queries on picks: which of two texts a person likes better, a take or its parent."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, case, func, or_, select

from bot.store.counting_rule import CountingRule, of_others
from bot.store.database import Transaction
from bot.store.schema import description, pick
from bot.store.upsert import upsert

Preference = Literal["take", "parent"]


@dataclass(frozen=True, slots=True)
class Pick:
    """What one voter (a pseudonym) likes better, with the age of their Discord account then."""

    take_id: int
    voter: str
    prefers: Preference
    account_days: int | None
    at: float


@dataclass(frozen=True, slots=True)
class PickCount:
    """A take and its parent, and the counted picks of each."""

    take_id: int
    parent_id: int
    for_take: int
    for_parent: int


async def get(tx: Transaction, take_id: int, voter: str) -> Pick | None:
    query = select(pick).where(pick.c.take_id == take_id, pick.c.voter == voter)
    row = (await tx.execute(query)).one_or_none()
    return Pick(**row._mapping) if row else None


async def put(tx: Transaction, picked: Pick) -> None:
    """Store a pick in place of the voter's earlier one."""
    await upsert(tx, pick, [tuple(getattr(picked, column.name) for column in pick.c)])


async def list_counts(tx: Transaction, rule: CountingRule, *, max_per_voter: int) -> list[PickCount]:
    """Return visible takes with visible parents and the counted picks, at most max_per_voter of a voter.

    Accounts count by their age, and outliers of the votes do not, as in duels.
    """
    place = func.row_number().over(partition_by=pick.c.voter, order_by=(pick.c.at, pick.c.take_id))
    days = pick.c.account_days
    chosen = (
        select(pick.c.take_id, pick.c.prefers, place.label("place"))
        .where(or_(days.is_(None), days >= rule.account_days), of_others(pick.c.voter, rule))
        .cte("chosen")
    )
    take, parent = description.alias("take"), description.alias("parent")

    def prefer(what: Preference) -> ColumnElement[int]:
        return func.sum(case((chosen.c.prefers == what, 1), else_=0))

    query = (
        select(take.c.id, parent.c.id, prefer("take"), prefer("parent"))
        .select_from(chosen)
        .join(take, take.c.id == chosen.c.take_id)
        .join(parent, parent.c.id == take.c.parent_id)
        .where(chosen.c.place <= max_per_voter, take.c.removed_at.is_(None), parent.c.removed_at.is_(None))
        .group_by(take.c.id, parent.c.id)
        .order_by(take.c.id)
    )
    return [PickCount(*row) for row in await tx.execute(query)]
