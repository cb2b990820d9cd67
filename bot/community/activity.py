"""Activity: how much people voted and reported, day by day."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.store import activity, content_reports
from bot.store.database import Database


@dataclass(frozen=True, slots=True)
class DayActivity:
    """What people did on a day (UTC): thumbs up and down, votes in duels, and reports."""

    day: date
    ups: int
    downs: int
    duel_votes: int
    reports: int


class Activity:
    """Counts votes and reports by day."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_day(self, first: date, last: date) -> list[DayActivity]:
        """Return every day from the first to the last one, in order."""
        since = datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()
        async with self._db.read() as tx:
            votes = await activity.list_votes(tx, since)
            duel_votes = _count_days(await activity.list_duel_votes(tx, since))
            reports = _count_days(await activity.list_reports(tx, since))
        ups = _count_days([at for at, value in votes if value > 0])
        downs = _count_days([at for at, value in votes if value < 0])
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [DayActivity(day, ups[day], downs[day], duel_votes[day], reports[day]) for day in days]

    async def waiting_reports(self) -> int:
        """Return how many descriptions have reports on which no operator has decided."""
        async with self._db.read() as tx:
            return await content_reports.count_waiting(tx)


def _count_days(moments: list[float]) -> Counter[date]:
    return Counter(datetime.fromtimestamp(at, UTC).date() for at in moments)
