"""Queries on the seasons of servers."""

from dataclasses import dataclass

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import season


@dataclass(frozen=True, slots=True)
class Season:
    """A span of time with winners of its own, numbered by server; it is open until it has an end."""

    id: int
    guild_id: int
    number: int
    started_at: float
    ended_at: float | None
    actor_id: int | None


async def get_newest(tx: Transaction, guild_id: int) -> Season | None:
    """Return a server's last season, open or ended."""
    query = select(season).where(season.c.guild_id == guild_id).order_by(season.c.number.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return Season(**row._mapping) if row else None


async def start(tx: Transaction, guild_id: int, *, actor_id: int, at: float) -> Season:
    """Add a server's next season."""
    newest = select(func.max(season.c.number)).where(season.c.guild_id == guild_id)
    number = ((await tx.execute(newest)).scalar_one() or 0) + 1
    insert = season.insert().values(guild_id=guild_id, number=number, started_at=at, actor_id=actor_id)
    return Season(**(await tx.execute(insert.returning(season))).one()._mapping)


async def end(tx: Transaction, season_id: int, *, guild_id: int, at: float) -> Season | None:
    """End a server's season and return it; None if it has no such season that is open."""
    mine = (season.c.id == season_id, season.c.guild_id == guild_id, season.c.ended_at.is_(None))
    ended = update(season).where(*mine).values(ended_at=at).returning(season)
    row = (await tx.execute(ended)).one_or_none()
    return Season(**row._mapping) if row else None
