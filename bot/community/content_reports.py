"""Reports of descriptions, and what operators decide on them."""

import secrets
import time
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import TooMany, UserError
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage
from bot.store import content_reports, descriptions, duels, notifications
from bot.store.content_reports import EarlierReport
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.notifications import NotificationAction

_DAY = 86_400  # seconds
_MIN_DISMISSED = 3  # reports, before a person's record matters


@dataclass(frozen=True, slots=True)
class ReportResult:
    """What a report leads to: the description if it has to be hidden now; whether operators learn of it."""

    hidden: Description | None
    operators_learn: bool


class ContentReports:
    """Hides descriptions and excludes them from training: at reports_to_hide reports, or by an operator.

    A report does not count if the account is younger than account_days, or if operators have dismissed three
    or more of the person's earlier reports, and more than they upheld. daily limits how many descriptions a
    person may report a day (UTC).
    """

    def __init__(
        self,
        db: Database,
        pseudonyms: Pseudonyms,
        vocabulary: Vocabulary,
        *,
        reports_to_hide: int,
        account_days: int,
        daily: int,
    ) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._vocabulary = vocabulary
        self._reports_to_hide = reports_to_hide
        self._account_days = account_days
        self._daily = daily

    async def check(self, description_id: int, user_id: int) -> None:
        """Raise UserError or TooMany as report() would, with nothing stored."""
        async with self._db.read() as tx:
            await self._get_visible(tx, description_id)
            await self._check_reporter(tx, description_id, self._pseudonyms.of(user_id))

    async def report(
        self,
        description_id: int,
        user_id: int,
        reason: LocalizedMessage | None = None,
        *,
        words: str = "",
    ) -> ReportResult:
        """Store a user's report, and notify the operators of the first undecided one and of each with words.

        They are notified of one that hides the description, too. One that its reporter had withdrawn and
        makes again renews its earlier notification in place of another one, unless that tells of reports by
        others, or only the new one has words. reason: one of those that people choose from; words: their own.
        After a Keep, the first one is the first that counts.

        Raise UserError if the description is gone, hidden or reported by the user already, TooMany if the
        user has reached the daily limit.
        """
        reporter, now = self._pseudonyms.of(user_id), time.time()
        async with self._db.write() as tx:
            found = await self._get_visible(tx, description_id)
            earlier = await self._check_reporter(tx, description_id, reporter)
            counts = await self._counts(tx, user_id)
            counted = await content_reports.count_open(tx, description_id) + int(counts)
            hides = counts and counted >= self._reports_to_hide
            notice_id = await content_reports.get_notice_id(tx, description_id)
            if notice_id is None:
                notifies = counts or not await content_reports.count_dismissed(tx, description_id)
            else:
                notifies = bool(words) or (hides and not await notifications.revise_unsent(tx, notice_id))
            worded = bool(words)
            if notifies or notice_id is not None:
                text = await self._notice_text(tx, found, reason)
                renewed = None
                if earlier and not hides:
                    renewed = await self._renew(tx, description_id, earlier, text, worded=worded)
                if renewed is not None and earlier:
                    notice_id, worded = renewed, worded or earlier.worded
                elif notifies:
                    notice_id = await self._notify(tx, description_id, text, at=now)
                    await content_reports.set_notice_id(tx, description_id, notice_id)
            await content_reports.add(
                tx,
                description_id,
                reporter,
                counts=counts,
                words=words,
                worded=worded,
                notice_id=notice_id,
                at=now,
            )
            hidden = await descriptions.remove(tx, description_id, at=now) if hides else None
            return ReportResult(hidden, operators_learn=notice_id is not None)

    async def withdraw(self, description_id: int, user_id: int) -> None:
        """Withdraw a user's report and delete its words, and its notification if that was not sent yet.

        Raise UserError if there is none, or the text is hidden or was kept by now.
        """
        reporter = self._pseudonyms.of(user_id)
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if found.removed_at is not None:
                raise UserError("Too late to take it back: the text is hidden until the operators decide.")
            if not await content_reports.withdraw(tx, description_id, reporter):
                raise UserError("Too late to take it back: the operators have decided already.")

    async def _counts(self, tx: Transaction, user_id: int) -> bool:
        """Return whether a user's reports count towards hiding a description."""
        record = await content_reports.get_record(tx, self._pseudonyms.of(user_id))
        credible = record.dismissed < _MIN_DISMISSED or record.dismissed <= record.upheld
        return credible and account_days(user_id, time.time()) >= self._account_days

    async def _check_reporter(
        self, tx: Transaction, description_id: int, reporter: str
    ) -> EarlierReport | None:
        """Return the report that the person has withdrawn, if any. Raise UserError if they may not report."""
        earlier = await content_reports.get_earlier(tx, description_id, reporter)
        if earlier and not earlier.withdrawn:
            raise UserError("You have reported this text already: the operators know.")
        today = time.time() // _DAY * _DAY
        if await content_reports.count_since(tx, reporter, today, other_than=description_id) >= self._daily:
            raise TooMany(
                "You have used up your reports for today ({most}). You can report again after midnight UTC.",
                most=self._daily,
            )
        return earlier

    async def get(self, description_id: int) -> Description:
        """Return a reported description. Raise UserError if it is gone, or its text was deleted."""
        async with self._db.read() as tx:
            return await self._get_with_text(tx, description_id)

    async def words(self, description_id: int, *, notice_id: int | None = None) -> list[str]:
        """Return what people wrote of their own in undecided reports of a description, oldest first.

        notice_id: only in those that this notification tells of.
        """
        async with self._db.read() as tx:
            return await content_reports.list_words(tx, description_id, notice_id=notice_id)

    async def remove(self, description_id: int) -> Description:
        """Hide a description and remove it from datasets for good. Raise UserError as keep() does."""
        async with self._db.write() as tx:
            found = await self._decide(tx, description_id)
            await descriptions.redact(tx, description_id)
            at = found.removed_at or time.time()
            return await descriptions.remove(tx, description_id, at=at, by_operators=True)

    async def keep(self, description_id: int) -> Description:
        """Dismiss all reports of a description so far, show it again and let it train.

        Raise UserError if it is gone, or there is nothing to decide, as another operator was quicker.
        """
        async with self._db.write() as tx:
            await self._decide(tx, description_id)
            await content_reports.dismiss(tx, description_id)
            return await descriptions.remove(tx, description_id, at=None)

    async def _decide(self, tx: Transaction, description_id: int) -> Description:
        """Return a description that waits for a decision, with its pending notifications cleared."""
        found = await self._get_with_text(tx, description_id)
        if found.removed_by_operators:
            raise UserError("An operator has decided already: the text was removed.")
        # a hidden text waits for them, even if those who reported it had their reports deleted
        if found.removed_at is None and not await content_reports.count_undecided(tx, description_id):
            if await content_reports.count_dismissed(tx, description_id):
                raise UserError("An operator has decided already: the text was kept.")
            raise UserError("There is nothing to decide: no report of this text is left.")
        await notifications.mark_decided(tx, NotificationAction("removal", description_id))
        return found

    async def _get_visible(self, tx: Transaction, description_id: int) -> Description:
        found = await self._get(tx, description_id)
        if found.removed_at is not None:
            raise UserError("This text is hidden already.")
        return found

    async def _get(self, tx: Transaction, description_id: int) -> Description:
        found = await descriptions.get(tx, description_id)
        if found is None:
            raise UserError("This description is gone.")
        return found

    async def _get_with_text(self, tx: Transaction, description_id: int) -> Description:
        found = await self._get(tx, description_id)
        if not found.text:
            raise UserError("The person who asked for it had it deleted.")
        return found

    async def _notice_text(
        self, tx: Transaction, found: Description, reason: LocalizedMessage | None
    ) -> LocalizedMessage:
        """Return what a notification of a report says.

        It has neither the text nor the reporter's words: others may read it, and it outlives both. If the
        text is in a duel, it hides the model: operators may vote.
        """
        author: LocalizedMessage | str = found.model
        if await duels.get_by_description(tx, found.id) is not None:
            author = LocalizedMessage("one of two models in a duel")
        elif found.version:
            author = LocalizedMessage("model {number}", number=found.version)
        return LocalizedMessage(
            "🚩 Somebody reported what {model} wrote for `{hero}`: {reason}.",
            model=author,
            hero=self._vocabulary.typed(found.hero),
            reason=reason or LocalizedMessage("no reason given"),
        )

    async def _renew(
        self,
        tx: Transaction,
        description_id: int,
        earlier: EarlierReport,
        text: LocalizedMessage,
        *,
        worded: bool,
    ) -> int | None:
        """Let the notification of a report that was withdrawn tell of the new one, and return its id.

        Return None if operators would miss something, as an edited message notifies nobody: what it tells of
        others, reports that none tells of yet, or a person's first words. worded: the new report has words.
        """
        if earlier.notice_id is None or (worded and not earlier.worded):
            return None
        if await content_reports.tells_of_reports(tx, earlier.notice_id):
            return None
        if await content_reports.count_untold(tx, description_id):
            return None
        return earlier.notice_id if await notifications.renew(tx, earlier.notice_id, text) else None

    async def _notify(
        self, tx: Transaction, description_id: int, text: LocalizedMessage, *, at: float
    ) -> int:
        """Add a notification of a report and return its id."""
        action = NotificationAction("removal", description_id)
        return await notifications.add(tx, f"{action}:{secrets.token_hex(8)}", text, at=at, action=action)
