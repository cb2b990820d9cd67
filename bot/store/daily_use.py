"""Queries on how many heroes a person has asked for today, counted here if several processes serve."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, delete, literal, or_, select, true, update

from bot.store import clock, people
from bot.store.database import Transaction
from bot.store.schema import daily_use
from bot.store.upsert import insert_new, insert_or


@dataclass(frozen=True, slots=True)
class DailyUse:
    """A person's heroes since a moment, and how many seconds ago they asked last, None if they did not."""

    since: float
    heroes: int
    ago: float | None


async def get(tx: Transaction, person: str, since: float, *, lock: bool = False) -> DailyUse:
    """Return what a person has had since a moment.

    lock: until the transaction ends nobody else gets it with a lock. What is not counted yet is counted by
    the texts that were made.
    """
    if lock:
        await insert_new(tx, daily_use, person=person, since=0.0, heroes=0)
    ago = (clock.now() - daily_use.c.asked_at).label("ago")
    query = select(daily_use.c.since, daily_use.c.heroes, ago).where(daily_use.c.person == person)
    found = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    if found is not None and found.since >= since:  # later: a clock that is a little ahead began the next day
        return DailyUse(*found)
    return DailyUse(since, await people.count_since(tx, person, since), found.ago if found else None)


async def count(
    tx: Transaction, person: str, since: float, heroes: int, *, most: int | None, cooldown: float
) -> float | None:
    """Count heroes for a person who asks now, by one statement: it stands before every answer.

    most: heroes that the person may have since that moment. cooldown: seconds since they asked last. Return
    the moment since which they are counted; None, with nothing counted, if a limit may be reached.
    """
    made = people.counted_since(person, since).subquery()
    wanted = made.c.heroes + heroes
    new = select(literal(person), literal(since), wanted, clock.now()).where(_at_most(wanted, most))
    insert = insert_or(tx.dialect, daily_use).from_select(["person", "since", "heroes", "asked_at"], new)
    is_of_today = daily_use.c.since >= since
    total = case((is_of_today, daily_use.c.heroes + heroes), else_=insert.excluded.heroes)
    has_waited = or_(daily_use.c.asked_at.is_(None), clock.now() - daily_use.c.asked_at >= cooldown)
    counted = insert.on_conflict_do_update(
        index_elements=[daily_use.c.person],
        set_={
            "since": case((is_of_today, daily_use.c.since), else_=since),
            "heroes": total,
            "asked_at": clock.now(),
        },
        where=and_(has_waited, _at_most(total, most)),
    ).returning(daily_use.c.since)
    return (await tx.execute(counted)).scalar_one_or_none()


def _at_most(heroes: ColumnElement[int], most: int | None) -> ColumnElement[bool]:
    return true() if most is None else heroes <= most


async def put(tx: Transaction, person: str, use: DailyUse) -> None:
    """Write what a person has had, who asks now. Their row is there: it was locked."""
    values = {"since": use.since, "heroes": use.heroes, "asked_at": clock.now()}
    await tx.execute(update(daily_use).where(daily_use.c.person == person).values(values))


async def give_back(tx: Transaction, person: str, since: float, heroes: int) -> None:
    """Count heroes no more that failed, and let the person ask again at once.

    since: as they were counted. If the count began anew meanwhile, they are not in it.
    """
    left = case((daily_use.c.since == since, daily_use.c.heroes - heroes), else_=daily_use.c.heroes)
    mine = update(daily_use).where(daily_use.c.person == person)
    await tx.execute(mine.values(heroes=left, asked_at=None))


async def forget_before(tx: Transaction, moment: float) -> None:
    """Delete the rows of days before a moment."""
    await tx.execute(delete(daily_use).where(daily_use.c.since < moment))
