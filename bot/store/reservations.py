"""Queries on reservations: what the calls of each process that are in flight may cost, in US dollars."""

from sqlalchemy import delete, func, select

from bot.store import clock
from bot.store.database import Transaction
from bot.store.schema import reservation


async def sum_of_others(tx: Transaction, holder: str) -> float:
    """Return what all other processes have reserved. What a dead one had reserved ends by itself."""
    others = (reservation.c.holder != holder, reservation.c.expires > clock.now())
    return float(
        (
            await tx.execute(select(func.coalesce(func.sum(reservation.c.cost), 0.0)).where(*others))
        ).scalar_one()
    )


async def put(tx: Transaction, holder: str, cost: float, *, seconds: float) -> None:
    """Replace a process's reservation by another one, for so many seconds. Delete those that have ended."""
    await tx.execute(
        delete(reservation).where((reservation.c.holder == holder) | (reservation.c.expires <= clock.now()))
    )
    await tx.execute(reservation.insert().values(holder=holder, cost=cost, expires=clock.now() + seconds))


async def drop(tx: Transaction, holder: str) -> None:
    """Remove a process's reservation."""
    await tx.execute(delete(reservation).where(reservation.c.holder == holder))
