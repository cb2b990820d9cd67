"""Queries on reports of descriptions."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update

from bot.store.database import Transaction
from bot.store.schema import description, notice, report


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    """A person's reports: those that operators dismissed, and those whose descriptions are hidden."""

    dismissed: int
    upheld: int


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """A person's report of a description; notice_id is the notification that told of it, if any.

    worded: that notification has told of words by this person.
    """

    withdrawn: bool
    notice_id: int | None
    worded: bool


async def get_earlier(tx: Transaction, description_id: int, reporter: str) -> EarlierReport | None:
    """Return what a person (a pseudonym) has reported of a description before, None if nothing."""
    columns = (report.c.withdrawn, report.c.notice_id, report.c.worded)
    found = (await tx.execute(select(*columns).where(_by_reporter(description_id, reporter)))).one_or_none()
    return EarlierReport(found.withdrawn, found.notice_id, found.worded) if found else None


async def add(
    tx: Transaction,
    description_id: int,
    reporter: str,
    *,
    counts: bool,
    words: str,
    worded: bool,
    notice_id: int | None,
    at: float,
) -> None:
    """Add a report, in place of one that the person has withdrawn.

    counts: whether it counts towards hiding the description; words: the person's own; worded: whether its
    notification tells, or has told, of words by this person; notice_id: the notification by which the
    operators learn of it, if they do.
    """
    await tx.execute(delete(report).where(_by_reporter(description_id, reporter), report.c.withdrawn))
    values = {
        "description_id": description_id,
        "reporter": reporter,
        "counts": counts,
        "words": words,
        "worded": worded,
        "notice_id": notice_id,
        "at": at,
    }
    await tx.execute(report.insert().values(values))


async def withdraw(tx: Transaction, description_id: int, reporter: str) -> bool:
    """Withdraw a person's report, unless it is dismissed, and delete its words.

    That there was one stays, so that another one tells the operators nothing new. A notification that tells
    of no other report is deleted if it was never sent. Return whether there was a report.
    """
    mine = (
        _by_reporter(description_id, reporter) & report.c.dismissed.is_(False) & report.c.withdrawn.is_(False)
    )
    withdrawn = update(report).where(mine).values(withdrawn=True, words="").returning(report.c.notice_id)
    found = (await tx.execute(withdrawn)).one_or_none()
    if found is None:
        return False
    if found.notice_id is None or await tells_of_reports(tx, found.notice_id):
        return True
    unsent = select(notice.c.id).where(
        notice.c.id == found.notice_id, notice.c.told.is_(False), notice.c.message_id.is_(None)
    )
    if (await tx.execute(unsent)).one_or_none() is not None:
        of_notice = report.c.notice_id == found.notice_id
        await tx.execute(update(report).where(of_notice).values(notice_id=None))
        await tx.execute(delete(notice).where(notice.c.id == found.notice_id))
    return True


async def tells_of_reports(tx: Transaction, notice_id: int) -> bool:
    """Return whether a notification tells of a report that is not withdrawn."""
    query = select(func.count()).where(report.c.notice_id == notice_id, report.c.withdrawn.is_(False))
    return bool((await tx.execute(query)).scalar_one())


def _by_reporter(description_id: int, reporter: str) -> ColumnElement[bool]:
    return (report.c.description_id == description_id) & (report.c.reporter == reporter)


def _undecided(description_id: int) -> ColumnElement[bool]:
    """Return the condition of the reports of a description that are neither dismissed nor withdrawn."""
    open_ = report.c.dismissed.is_(False) & report.c.withdrawn.is_(False)
    return (report.c.description_id == description_id) & open_


async def get_notice_id(tx: Transaction, description_id: int) -> int | None:
    """Return the newest notification of undecided reports of a description, None if there is none."""
    query = select(func.max(report.c.notice_id)).where(_undecided(description_id))
    newest: int | None = (await tx.execute(query)).scalar_one()
    return newest


async def set_notice_id(tx: Transaction, description_id: int, notice_id: int) -> None:
    """Let a notification tell of the undecided reports of a description that none tells of."""
    untold = _undecided(description_id) & report.c.notice_id.is_(None)
    await tx.execute(update(report).where(untold).values(notice_id=notice_id))


async def count_untold(tx: Transaction, description_id: int) -> int:
    """Count the undecided reports of a description that no notification tells of."""
    query = select(func.count()).where(_undecided(description_id), report.c.notice_id.is_(None))
    return int((await tx.execute(query)).scalar_one())


async def list_words(tx: Transaction, description_id: int, *, notice_id: int | None = None) -> list[str]:
    """Return what people wrote of their own in undecided reports of a description, oldest first.

    notice_id: only in those that this notification tells of.
    """
    query = select(report.c.words).where(_undecided(description_id), report.c.words != "")
    if notice_id is not None:
        query = query.where(report.c.notice_id == notice_id)
    return list((await tx.execute(query.order_by(report.c.at))).scalars())


async def count_undecided(tx: Transaction, description_id: int) -> int:
    """Count the reports of a description that wait for a decision, whether or not they count."""
    query = select(func.count()).where(_undecided(description_id))
    return int((await tx.execute(query)).scalar_one())


async def count_waiting(tx: Transaction) -> int:
    """Count the descriptions with reports on which no operator has decided."""
    query = (
        select(func.count(report.c.description_id.distinct()))
        .join(description, description.c.id == report.c.description_id)
        .where(
            report.c.dismissed.is_(False),
            report.c.withdrawn.is_(False),
            description.c.removed_by_operators.is_(False),
        )
    )
    return int((await tx.execute(query)).scalar_one())


async def count_since(tx: Transaction, reporter: str, at: float, *, other_than: int) -> int:
    """Count the descriptions, other than one, that a person has reported since a moment.

    Reports that were withdrawn count, too.
    """
    others = report.c.description_id != other_than
    query = select(func.count()).where(report.c.reporter == reporter, report.c.at >= at, others)
    return int((await tx.execute(query)).scalar_one())


async def get_record(tx: Transaction, reporter: str) -> ReporterRecord:
    """Return the record of a person's reports so far."""
    decided = report.c.dismissed | description.c.removed_at.is_not(None)
    query = (
        select(report.c.dismissed, func.count())
        .join(description, description.c.id == report.c.description_id)
        .where(report.c.reporter == reporter, report.c.withdrawn.is_(False), decided)
        .group_by(report.c.dismissed)
    )
    found = {bool(dismissed): count for dismissed, count in await tx.execute(query)}
    return ReporterRecord(dismissed=found.get(True, 0), upheld=found.get(False, 0))


async def count_open(tx: Transaction, description_id: int) -> int:
    """Count the undecided reports that count towards hiding a description."""
    query = select(func.count()).where(_undecided(description_id), report.c.counts)
    return int((await tx.execute(query)).scalar_one())


async def count_dismissed(tx: Transaction, description_id: int) -> int:
    """Count the dismissed reports of a description."""
    mine = report.c.description_id == description_id
    return int((await tx.execute(select(func.count()).where(mine, report.c.dismissed))).scalar_one())


async def dismiss(tx: Transaction, description_id: int) -> None:
    """Dismiss all reports of a description so far."""
    await tx.execute(update(report).where(_undecided(description_id)).values(dismissed=True))
