"""Removals: descriptions that people reported, and what operators make of it."""

import time

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import TooMany, UserError
from bot.i18n.message import LocalizedMessage
from bot.store import content_reports, descriptions, duels, notifications
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.notifications import NotificationAction

_DAY = 86_400  # seconds
_FEWEST_DISMISSED = 3  # reports before anything is made of a person's record


class ContentReports:
    """Takes descriptions from sight and from training: at so many reports for now, by operators for good.

    Not every report counts towards hiding. Not counted are those of accounts younger than account_days, and
    those of people of whose earlier reports operators have dismissed three or more, and more than came to
    anything. Whoever it is, one person may report so many descriptions a day (UTC).
    """

    def __init__(
        self, db: Database, voters: Pseudonyms, *, reports_to_hide: int, account_days: int, daily: int
    ) -> None:
        self._db = db
        self._voters = voters
        self._reports_to_hide = reports_to_hide
        self._account_days = account_days
        self._daily = daily

    async def report(self, description_id: int, user_id: int) -> Description | None:
        """Keep a user's report, and tell the operators of the first.

        Returns the description where it has to be hidden now. Raises UserError where there is nothing to
        report, TooMany where the user has reported enough for today.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if found.removed_at is not None:
                raise UserError("It is hidden already.")
            counts = await self._add(tx, description_id, user_id)
            dismissed = await content_reports.dismissed_ones(tx, description_id)
            if counts or not dismissed:  # what is reported after a Keep is told anew, by whoever counts
                blind = await duels.with_description(tx, description_id) is not None
                action = NotificationAction("removal", description_id)
                key = f"{action}:{dismissed}"
                await notifications.add(tx, key, _told(found, blind=blind), at=time.time(), action=action)
            if not counts or await content_reports.open_ones(tx, description_id) < self._reports_to_hide:
                return None
            return await descriptions.remove(tx, description_id, at=time.time())

    async def _add(self, tx: Transaction, description_id: int, user_id: int) -> bool:
        """Keep a report. Returns whether it counts towards hiding the description."""
        now, reporter = time.time(), self._voters.of(user_id)
        if await content_reports.known(tx, description_id, reporter):
            raise UserError("You have reported it already: the operators know.")
        if await content_reports.number_since(tx, reporter, now // _DAY * _DAY) >= self._daily:
            raise TooMany(
                "You have reported {most} descriptions today, which is all that one person may. "
                "The next day begins at midnight UTC.",
                most=self._daily,
            )
        record = await content_reports.record(tx, reporter)
        heard = record.dismissed < _FEWEST_DISMISSED or record.dismissed <= record.upheld
        counts = heard and account_days(user_id, now) >= self._account_days
        await content_reports.add(tx, description_id, reporter, counts=counts, at=now)
        return counts

    async def remove(self, description_id: int) -> Description:
        """Take a description from sight and from training for good. Raises UserError where it is gone."""
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            await descriptions.redact(tx, description_id)
            return await descriptions.remove(tx, description_id, at=found.removed_at or time.time())

    async def keep(self, description_id: int) -> Description:
        """Find nothing wrong with a description: it is seen and may train again, the reports so far are done.

        Raises UserError where it is gone.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if not found.text:
                raise UserError("Whoever asked for it had it deleted.")
            await content_reports.dismiss(tx, description_id)
            return await descriptions.remove(tx, description_id, at=None)

    async def _get(self, tx: Transaction, description_id: int) -> Description:
        found = await descriptions.get(tx, description_id)
        if found is None:
            raise UserError("This description is gone.")
        return found


def _told(found: Description, *, blind: bool) -> LocalizedMessage:
    """What operators are told; of a text in a duel, in which they may vote, not who wrote it."""
    model = LocalizedMessage("one of two models in a duel") if blind else f"`{found.model}`"
    return LocalizedMessage(
        "🚩 Somebody reported what {model} wrote of a {hero}:\n```\n{text}\n```\n"
        "Remove takes it from sight and from training; Keep lets it be, and dismisses the reports.",
        model=model,
        hero=str(found.hero),
        text=found.text.replace("`", "'")[:1500],
    )
