"""Queries on powers: those added to the vocabulary, and those that people ask for."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import description, power


@dataclass(frozen=True, slots=True)
class RequestedPower:
    """A power, with how many visible descriptions of it there are and how many people asked for them."""

    power: str
    descriptions: int
    people: int


async def list_added(tx: Transaction) -> list[str]:
    """Return the added powers in the order of adding."""
    return list((await tx.execute(select(power.c.power).order_by(power.c.at, power.c.power))).scalars())


async def add(tx: Transaction, name: str, *, actor_id: int | None, at: float) -> bool:
    """Add a power to the vocabulary. Return False if it is there already."""
    if (await tx.execute(select(power.c.at).where(power.c.power == name))).one_or_none():
        return False
    await tx.execute(power.insert().values(power=name, actor_id=actor_id, at=at))
    return True


async def remove(tx: Transaction, name: str) -> bool:
    """Remove an added power. Return False if there is none."""
    return (await tx.execute(delete(power).where(power.c.power == name))).rowcount == 1


async def list_requested(tx: Transaction) -> list[RequestedPower]:
    """Return the powers that people asked for, those of most people first."""
    people = func.count(description.c.requester.distinct())
    query = (
        select(description.c.power, func.count(), people)
        .where(description.c.removed_at.is_(None), of_one_hero())
        .group_by(description.c.power)
        .order_by(people.desc(), func.count().desc(), description.c.power)
    )
    return [RequestedPower(*row) for row in await tx.execute(query)]
