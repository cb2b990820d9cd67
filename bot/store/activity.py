"""Queries on what people do over time: votes, votes in duels, and reports."""

from sqlalchemy import select

from bot.store.database import Transaction
from bot.store.schema import duel_vote, report, vote


async def list_votes(tx: Transaction, since: float) -> list[tuple[float, int]]:
    """Return when each vote was cast since a moment (seconds since 1970), and its value, +1 or -1."""
    query = select(vote.c.at, vote.c.value).where(vote.c.at >= since)
    return [(at, value) for at, value in await tx.execute(query)]


async def list_duel_votes(tx: Transaction, since: float) -> list[float]:
    """Return when each vote in a duel was cast since a moment."""
    return list((await tx.execute(select(duel_vote.c.at).where(duel_vote.c.at >= since))).scalars())


async def list_reports(tx: Transaction, since: float) -> list[float]:
    """Return when each report that was not withdrawn was made since a moment."""
    query = select(report.c.at).where(report.c.at >= since, report.c.withdrawn.is_(False))
    return list((await tx.execute(query)).scalars())
