"""Queries on reports of descriptions."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from bot.store.database import Transaction
from bot.store.schema import description, notice, report


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    """A person's reports: those that operators dismissed, and those whose descriptions are hidden."""

    dismissed: int
    upheld: int


async def exists(tx: Transaction, description_id: int, reporter: str) -> bool:
    """Return whether a person (a pseudonym) has reported a description before."""
    mine = (report.c.description_id == description_id) & (report.c.reporter == reporter)
    return (await tx.execute(select(report.c.at).where(mine))).first() is not None


async def add(
    tx: Transaction,
    description_id: int,
    reporter: str,
    *,
    counts: bool,
    words: str,
    notice_id: int | None,
    at: float,
) -> None:
    """Add a report.

    counts: whether it counts towards hiding the description; words: the person's own; notice_id: the
    notification by which the operators learn of it, if they do.
    """
    values = {
        "description_id": description_id,
        "reporter": reporter,
        "counts": counts,
        "words": words,
        "notice_id": notice_id,
        "at": at,
    }
    await tx.execute(report.insert().values(values))


async def withdraw(tx: Transaction, description_id: int, reporter: str) -> bool:
    """Delete a person's report, unless it is dismissed, with its notification if that tells of no other.

    A notification that was sent stays. Return whether there was a report.
    """
    mine = (report.c.description_id == description_id) & (report.c.reporter == reporter)
    deleted = delete(report).where(mine, report.c.dismissed.is_(False)).returning(report.c.notice_id)
    found = (await tx.execute(deleted)).one_or_none()
    if found is None:
        return False
    told = select(report.c.notice_id).where(report.c.notice_id == found.notice_id)
    await tx.execute(
        delete(notice).where(notice.c.id == found.notice_id, notice.c.told.is_(False), ~told.exists())
    )
    return True


async def get_notice_id(tx: Transaction, description_id: int) -> int | None:
    """Return the newest notification of undecided reports of a description, None if there is none."""
    mine = (report.c.description_id == description_id) & report.c.dismissed.is_(False)
    newest: int | None = (await tx.execute(select(func.max(report.c.notice_id)).where(mine))).scalar_one()
    return newest


async def set_notice_id(tx: Transaction, description_id: int, notice_id: int) -> None:
    """Let a notification tell of the undecided reports of a description that none tells of."""
    untold = report.c.dismissed.is_(False) & report.c.notice_id.is_(None)
    mine = (report.c.description_id == description_id) & untold
    await tx.execute(update(report).where(mine).values(notice_id=notice_id))


async def list_words(tx: Transaction, description_id: int, *, notice_id: int | None = None) -> list[str]:
    """Return what people wrote of their own in undecided reports of a description, oldest first.

    notice_id: only in those that this notification tells of.
    """
    query = select(report.c.words).where(
        report.c.description_id == description_id, report.c.dismissed.is_(False), report.c.words != ""
    )
    if notice_id is not None:
        query = query.where(report.c.notice_id == notice_id)
    return list((await tx.execute(query.order_by(report.c.at))).scalars())


async def count_undecided(tx: Transaction, description_id: int) -> int:
    """Count the reports of a description that are not dismissed, whether or not they count."""
    mine = report.c.description_id == description_id
    query = select(func.count()).where(mine, report.c.dismissed.is_(False))
    return int((await tx.execute(query)).scalar_one())


async def count_since(tx: Transaction, reporter: str, at: float) -> int:
    """Count the descriptions that a person has reported since a moment."""
    query = select(func.count()).where(report.c.reporter == reporter, report.c.at >= at)
    return int((await tx.execute(query)).scalar_one())


async def get_record(tx: Transaction, reporter: str) -> ReporterRecord:
    """Return the record of a person's reports so far."""
    query = (
        select(report.c.dismissed, func.count())
        .join(description, description.c.id == report.c.description_id)
        .where(report.c.reporter == reporter, report.c.dismissed | description.c.removed_at.is_not(None))
        .group_by(report.c.dismissed)
    )
    found = {bool(dismissed): count for dismissed, count in await tx.execute(query)}
    return ReporterRecord(dismissed=found.get(True, 0), upheld=found.get(False, 0))


async def count_open(tx: Transaction, description_id: int) -> int:
    """Count the reports that count towards hiding a description and are not dismissed."""
    mine = report.c.description_id == description_id
    query = select(func.count()).where(mine, report.c.counts, report.c.dismissed.is_(False))
    return int((await tx.execute(query)).scalar_one())


async def count_dismissed(tx: Transaction, description_id: int) -> int:
    """Count the dismissed reports of a description."""
    mine = report.c.description_id == description_id
    return int((await tx.execute(select(func.count()).where(mine, report.c.dismissed))).scalar_one())


async def dismiss(tx: Transaction, description_id: int) -> None:
    """Dismiss all reports of a description so far."""
    await tx.execute(update(report).where(report.c.description_id == description_id).values(dismissed=True))
