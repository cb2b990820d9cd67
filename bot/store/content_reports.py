"""Queries on reports: who said of a description that it should not be seen."""

from dataclasses import dataclass

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import description, report


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    """What became of a person's reports: operators dismissed them, or their descriptions are out of sight."""

    dismissed: int
    upheld: int


async def known(tx: Transaction, description_id: int, reporter: str) -> bool:
    """Whether a person (an HMAC) has reported a description before."""
    mine = (report.c.description_id == description_id) & (report.c.reporter == reporter)
    return (await tx.execute(select(report.c.at).where(mine))).first() is not None


async def add(tx: Transaction, description_id: int, reporter: str, *, counts: bool, at: float) -> None:
    """Keep a report; counts: towards hiding the description."""
    values = {"description_id": description_id, "reporter": reporter, "counts": counts, "at": at}
    await tx.execute(report.insert().values(values))


async def number_since(tx: Transaction, reporter: str, at: float) -> int:
    """How many descriptions a person has reported since a moment."""
    query = select(func.count()).where(report.c.reporter == reporter, report.c.at >= at)
    return int((await tx.execute(query)).scalar_one())


async def record(tx: Transaction, reporter: str) -> ReporterRecord:
    """What became of all that a person has reported so far."""
    query = (
        select(report.c.dismissed, func.count())
        .join(description, description.c.id == report.c.description_id)
        .where(report.c.reporter == reporter, report.c.dismissed | description.c.removed_at.is_not(None))
        .group_by(report.c.dismissed)
    )
    found = {bool(dismissed): count for dismissed, count in await tx.execute(query)}
    return ReporterRecord(dismissed=found.get(True, 0), upheld=found.get(False, 0))


async def open_ones(tx: Transaction, description_id: int) -> int:
    """How many reports count towards hiding a description: those that operators have not dismissed."""
    mine = report.c.description_id == description_id
    query = select(func.count()).where(mine, report.c.counts, report.c.dismissed.is_(False))
    return int((await tx.execute(query)).scalar_one())


async def dismissed_ones(tx: Transaction, description_id: int) -> int:
    """How many reports of a description operators have dismissed."""
    mine = report.c.description_id == description_id
    return int((await tx.execute(select(func.count()).where(mine, report.c.dismissed))).scalar_one())


async def dismiss(tx: Transaction, description_id: int) -> None:
    """Let the reports so far count no more."""
    await tx.execute(update(report).where(report.c.description_id == description_id).values(dismissed=True))
