"""Reports of descriptions, and what operators decide on them."""

import time

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import TooMany, UserError
from bot.i18n.message import LocalizedMessage
from bot.store import content_reports, descriptions, duels, notifications
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.notifications import NotificationAction

_DAY = 86_400  # seconds
_MIN_DISMISSED = 3  # reports, before a person's record matters


class ContentReports:
    """Hides descriptions and excludes them from training: at reports_to_hide reports, or by an operator.

    A report does not count if the account is younger than account_days, or if operators have dismissed three
    or more of the person's earlier reports, and more than they upheld. daily limits how many descriptions a
    person may report a day (UTC).
    """

    def __init__(
        self, db: Database, pseudonyms: Pseudonyms, *, reports_to_hide: int, account_days: int, daily: int
    ) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._reports_to_hide = reports_to_hide
        self._account_days = account_days
        self._daily = daily

    async def report(self, description_id: int, user_id: int) -> Description | None:
        """Store a user's report, and notify the operators of the first one.

        Return the description if it has to be hidden now. Raise UserError if it is gone, hidden or reported
        by the user already, TooMany if the user has reached the daily limit.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if found.removed_at is not None:
                raise UserError("It is hidden already.")
            counts = await self._add(tx, description_id, user_id)
            dismissed = await content_reports.count_dismissed(tx, description_id)
            if counts or not dismissed:  # after a Keep, only a report that counts notifies again
                blind = await duels.get_by_description(tx, description_id) is not None
                action = NotificationAction("removal", description_id)
                key = f"{action}:{dismissed}"
                message = _notification_text(found, blind=blind)
                await notifications.add(tx, key, message, at=time.time(), action=action)
            if not counts or await content_reports.count_open(tx, description_id) < self._reports_to_hide:
                return None
            return await descriptions.remove(tx, description_id, at=time.time())

    async def _add(self, tx: Transaction, description_id: int, user_id: int) -> bool:
        """Store a report, and return whether it counts towards hiding the description."""
        now, reporter = time.time(), self._pseudonyms.of(user_id)
        if await content_reports.exists(tx, description_id, reporter):
            raise UserError("You have reported it already: the operators know.")
        if await content_reports.count_since(tx, reporter, now // _DAY * _DAY) >= self._daily:
            raise TooMany(
                "You have reported {most} descriptions today, which is all that one person may. "
                "The next day begins at midnight UTC.",
                most=self._daily,
            )
        record = await content_reports.get_record(tx, reporter)
        credible = record.dismissed < _MIN_DISMISSED or record.dismissed <= record.upheld
        counts = credible and account_days(user_id, now) >= self._account_days
        await content_reports.add(tx, description_id, reporter, counts=counts, at=now)
        return counts

    async def remove(self, description_id: int) -> Description:
        """Hide a description and remove it from datasets for good. Raise UserError if it is gone."""
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            await descriptions.redact(tx, description_id)
            return await descriptions.remove(tx, description_id, at=found.removed_at or time.time())

    async def keep(self, description_id: int) -> Description:
        """Dismiss all reports of a description so far, show it again and let it train.

        Raise UserError if it is gone.
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


def _notification_text(found: Description, *, blind: bool) -> LocalizedMessage:
    """Return the message to operators. If the text is in a duel, it hides the model: operators may vote."""
    model = LocalizedMessage("one of two models in a duel") if blind else f"`{found.model}`"
    return LocalizedMessage(
        "🚩 Somebody reported what {model} wrote of a {hero}:\n```\n{text}\n```\n"
        "Remove takes it from sight and from training; Keep lets it be, and dismisses the reports.",
        model=model,
        hero=str(found.hero),
        text=found.text.replace("`", "'")[:1500],
    )
