"""Queries on leases: what one process alone may do, until a moment of the database's clock."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from bot.store import clock
from bot.store.database import Transaction
from bot.store.schema import lease
from bot.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Lease:
    """What is leased, by whom, and for how many seconds from now on."""

    name: str
    owner: str
    left: float


async def take(tx: Transaction, name: str, owner: str, *, seconds: float) -> bool:
    """Take or prolong a lease. Return False, with nothing changed, if another owner has it."""
    free = (lease.c.name == name) & or_(lease.c.owner == owner, lease.c.expires <= clock.now())
    mine = update(lease).where(free).values(owner=owner, expires=clock.now() + seconds)
    if (await tx.execute(mine)).rowcount:
        return True
    return await insert_new(tx, lease, name=name, owner=owner, expires=clock.now() + seconds)


async def prolong(tx: Transaction, names: Collection[str], owner: str, *, seconds: float) -> set[str]:
    """Prolong an owner's leases, and return the names of those that are still the owner's."""
    mine = update(lease).where(lease.c.name.in_(names), lease.c.owner == owner)
    prolonged = mine.values(expires=clock.now() + seconds).returning(lease.c.name)
    return set((await tx.execute(prolonged)).scalars())


async def list_valid(tx: Transaction, prefix: str = "") -> list[Lease]:
    """Return the leases that have not expired, by the beginning of their names."""
    left = (lease.c.expires - clock.now()).label("left")
    query = select(lease.c.name, lease.c.owner, left).where(
        lease.c.name.startswith(prefix, autoescape=True), lease.c.expires > clock.now()
    )
    return [Lease(*row) for row in await tx.execute(query.order_by(lease.c.name))]


async def release(tx: Transaction, owner: str, name: str | None = None) -> None:
    """Give a lease of an owner back, or all of them."""
    mine = delete(lease).where(lease.c.owner == owner)
    await tx.execute(mine if name is None else mine.where(lease.c.name == name))
