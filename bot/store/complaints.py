"""Queries on reports: who said of a description that it should not be seen."""

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import report


async def add(tx: Transaction, description_id: int, reporter: str, *, at: float) -> bool:
    """Keep a report. False where the reporter (an HMAC) reported the description before."""
    mine = (report.c.description_id == description_id) & (report.c.reporter == reporter)
    if (await tx.execute(select(report.c.at).where(mine))).one_or_none():
        return False
    await tx.execute(report.insert().values(description_id=description_id, reporter=reporter, at=at))
    return True


async def counts(tx: Transaction, description_id: int) -> tuple[int, int]:
    """How many reports of a description are open, and how many operators have dismissed."""
    query = (
        select(report.c.dismissed, func.count())
        .where(report.c.description_id == description_id)
        .group_by(report.c.dismissed)
    )
    found = {bool(dismissed): count for dismissed, count in await tx.execute(query)}
    return found.get(False, 0), found.get(True, 0)


async def dismiss(tx: Transaction, description_id: int) -> None:
    """Let the reports so far count no more."""
    await tx.execute(update(report).where(report.c.description_id == description_id).values(dismissed=True))
