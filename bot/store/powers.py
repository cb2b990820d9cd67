"""Queries on powers: those that admins added to the vocabulary, and those that people ask for."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from bot.store.database import Transaction
from bot.store.schema import description, power


@dataclass(frozen=True, slots=True)
class Asked:
    """A power, how many descriptions of it are in sight, and by how many people they were asked for."""

    power: str
    descriptions: int
    people: int


async def added(tx: Transaction) -> list[str]:
    """The added powers, in the order in which they were added."""
    return list((await tx.execute(select(power.c.power).order_by(power.c.at, power.c.power))).scalars())


async def add(tx: Transaction, name: str, *, actor_id: int | None, at: float) -> bool:
    """False, and nothing changed, where it was there already."""
    if (await tx.execute(select(power.c.at).where(power.c.power == name))).one_or_none():
        return False
    await tx.execute(power.insert().values(power=name, actor_id=actor_id, at=at))
    return True


async def remove(tx: Transaction, name: str) -> bool:
    """False where it was not there."""
    return (await tx.execute(delete(power).where(power.c.power == name))).rowcount == 1


async def asked_for(tx: Transaction) -> list[Asked]:
    """Every power that was asked for, the one of most people first."""
    people = func.count(description.c.requester.distinct())
    query = (
        select(description.c.power, func.count(), people)
        .where(description.c.removed_at.is_(None))
        .group_by(description.c.power)
        .order_by(people.desc(), func.count().desc(), description.c.power)
    )
    return [Asked(*row) for row in await tx.execute(query)]
