"""Queries on people by pseudonym: who is blocked, whose day was begun anew, and who asks most."""

import operator
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, String, column, delete, func, select, values

from bot.store.database import Transaction
from bot.store.descriptions import heroes_since
from bot.store.schema import blocked_person, description, quota_reset
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class HeavyUser:
    """A person (a pseudonym), and how many heroes they asked for."""

    person: str
    heroes: int


async def list_blocked(tx: Transaction) -> dict[str, float]:
    """Return the blocked people, and since when, those of the newest block first."""
    query = select(blocked_person.c.person, blocked_person.c.at).order_by(
        blocked_person.c.at.desc(), blocked_person.c.person
    )
    return {row.person: row.at for row in await tx.execute(query)}


async def block(tx: Transaction, person: str, *, actor_id: int | None, at: float) -> bool:
    """Block a person. Return False, and change nothing, if they are blocked already."""
    if (await tx.execute(select(blocked_person.c.at).where(blocked_person.c.person == person))).first():
        return False
    await tx.execute(blocked_person.insert().values(person=person, actor_id=actor_id, at=at))
    return True


async def unblock(tx: Transaction, person: str) -> bool:
    """Let a blocked person ask again. Return False if they are not blocked."""
    return (await tx.execute(delete(blocked_person).where(blocked_person.c.person == person))).rowcount == 1


async def list_resets(tx: Transaction, since: float) -> dict[str, float]:
    """Return whose day was begun anew since a moment, and when."""
    query = select(quota_reset.c.person, quota_reset.c.at).where(quota_reset.c.at >= since)
    return {row.person: row.at for row in await tx.execute(query)}


async def reset_quota(tx: Transaction, person: str, *, actor_id: int | None, at: float) -> None:
    """Count a person's heroes from a moment on, in place of the day's beginning."""
    await upsert(tx, quota_reset, [(person, actor_id, at)])


async def count_since(tx: Transaction, person: str, at: float) -> int:
    """Count the heroes that a person asked for since a moment."""
    return int((await tx.execute(counted_since(person, at))).scalar_one())


def counted_since(person: str, at: float) -> Select[int]:
    """Return the query for the number of heroes that a person asked for since a moment."""
    number, since = heroes_since(at)
    counted = func.coalesce(number, 0).label("heroes")
    return select(counted).where(since, description.c.requester == person)


async def list_heaviest(tx: Transaction, since: float, most: int) -> list[HeavyUser]:
    """Return who asked for most heroes since a moment, the heaviest first."""
    number, counted = heroes_since(since)
    # no bare column: to group by it, SQLite would read the index of all requesters, not that of the time,
    # which has all columns that are read here
    person = description.c.requester.concat("").label("person")
    query = (
        select(person, number)
        .where(counted, description.c.requester != "")
        .group_by(person)
        .order_by(number.desc(), person)
        .limit(most)
    )
    return [HeavyUser(*row) for row in await tx.execute(query)]


async def list_neighbours(tx: Transaction, persons: Collection[str]) -> dict[str, list[str]]:
    """Return of each pseudonym the known ones that come before and after it in alphabetical order.

    Known are those of first_and_last().
    """
    wanted = values(column("person", String), name="wanted").data([(each,) for each in persons]).cte()
    sides = [
        select(end(known)).where(before_or_after(known, wanted.c.person)).scalar_subquery()
        for known in (description.c.requester, blocked_person.c.person)
        for end, before_or_after in ((func.max, operator.lt), (func.min, operator.gt))
    ]
    rows = await tx.execute(select(wanted.c.person, *sides))
    return {person: [each for each in found if each] for person, *found in rows}


async def first_and_last(tx: Transaction, prefix: str) -> set[str]:
    """Return the first and the last known pseudonym that begins so: one, two, or none.

    Known are those who have asked for a hero, and those who are blocked.
    """
    found = set[str]()
    for known in (description.c.requester, blocked_person.c.person):
        end_of_prefix = f"{prefix}g"  # after all hexadecimal digits
        begins: ColumnElement[bool] = (known >= prefix) & (known < end_of_prefix)
        for end in (func.min(known), func.max(known)):
            person = (await tx.execute(select(end).where(begins))).scalar_one()
            found |= {person} if person else set()
    return {min(found), max(found)} if found else set()
