"""Queries on what servers limit for members with a role."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import role_limit
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class RoleLimit:
    """A server's limits for members with a role; None where the server's own applies. cooldown: seconds."""

    guild_id: int
    role_id: int
    cooldown: float | None
    daily_per_user: int | None
    at: float


async def list_of_guild(tx: Transaction, guild_id: int) -> list[RoleLimit]:
    """Return a server's limits of roles in the order of the roles' ids: the oldest role first."""
    query = select(role_limit).where(role_limit.c.guild_id == guild_id).order_by(role_limit.c.role_id)
    return [RoleLimit(**row._mapping) for row in await tx.execute(query)]


async def put(tx: Transaction, limit: RoleLimit) -> None:
    """Add a role's limits, in place of those that it has."""
    row = (limit.guild_id, limit.role_id, limit.cooldown, limit.daily_per_user, limit.at)
    await upsert(tx, role_limit, [row])


async def remove(tx: Transaction, guild_id: int, role_id: int) -> None:
    mine = (role_limit.c.guild_id == guild_id) & (role_limit.c.role_id == role_id)
    await tx.execute(delete(role_limit).where(mine))


async def remove_of_guild(tx: Transaction, guild_id: int) -> None:
    await tx.execute(delete(role_limit).where(role_limit.c.guild_id == guild_id))


async def list_guild_ids(tx: Transaction) -> list[int]:
    """Return the ids of servers that limit roles."""
    return list((await tx.execute(select(role_limit.c.guild_id).distinct())).scalars())
