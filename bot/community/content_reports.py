"""Reports of descriptions, and what operators decide on them."""

import time
from typing import Literal

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import TooMany, UserError
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage, mark
from bot.store import content_reports, descriptions, duels, notifications
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.notifications import NotificationAction

_DAY = 86_400  # seconds
Verdict = Literal["remove", "keep"]

_DECIDED: dict[Verdict, str] = {
    "remove": mark("An operator has decided already: the text was removed."),
    "keep": mark("An operator has decided already: the text was kept."),
}
_NO_REASON = LocalizedMessage("no reason given")
_MIN_DISMISSED = 3  # reports, before a person's record matters


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
    ) -> Description | None:
        """Store a user's report, and notify the operators of the first one and of each with words.

        reason: one of those that people choose from; words: their own, without markdown of theirs. Return the
        description if it has to be hidden now. Raise UserError if it is gone, hidden or reported by the user
        already, TooMany if the user has reached the daily limit.
        """
        async with self._db.write() as tx:
            found = await self._get_visible(tx, description_id)
            counts = await self._add(tx, description_id, user_id)
            dismissed = await content_reports.count_dismissed(tx, description_id)
            if counts or not dismissed:  # after a Keep, only a report that counts notifies again
                blind = await duels.get_by_description(tx, description_id) is not None
                action = NotificationAction("removal", description_id)
                message = self._notification_text(found, _with_words(reason, words), blind=blind)
                key = _notification_key(description_id, dismissed)
                if words:
                    key += f":{await content_reports.count_undecided(tx, description_id)}"
                await notifications.add(tx, key, message, at=time.time(), action=action)
            if not counts or await content_reports.count_open(tx, description_id) < self._reports_to_hide:
                return None
            return await descriptions.remove(tx, description_id, at=time.time())

    async def withdraw(self, description_id: int, user_id: int) -> None:
        """Delete a user's report, and the notification if nobody else reported and it was not sent yet.

        Raise UserError if there is none, or the text is hidden or was kept by now.
        """
        reporter = self._pseudonyms.of(user_id)
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if found.removed_at is not None:
                raise UserError("Too late to take it back: the text is hidden until the operators decide.")
            if not await content_reports.withdraw(tx, description_id, reporter):
                raise UserError("Too late to take it back: the operators have decided already.")
            if not await content_reports.count_undecided(tx, description_id):
                dismissed = await content_reports.count_dismissed(tx, description_id)
                await notifications.withdraw(tx, _notification_key(description_id, dismissed))

    async def _add(self, tx: Transaction, description_id: int, user_id: int) -> bool:
        """Store a report, and return whether it counts towards hiding the description."""
        now, reporter = time.time(), self._pseudonyms.of(user_id)
        await self._check_reporter(tx, description_id, reporter)
        record = await content_reports.get_record(tx, reporter)
        credible = record.dismissed < _MIN_DISMISSED or record.dismissed <= record.upheld
        counts = credible and account_days(user_id, now) >= self._account_days
        await content_reports.add(tx, description_id, reporter, counts=counts, at=now)
        return counts

    async def _check_reporter(self, tx: Transaction, description_id: int, reporter: str) -> None:
        if await content_reports.exists(tx, description_id, reporter):
            raise UserError("You have reported this text already: the operators know.")
        if await content_reports.count_since(tx, reporter, time.time() // _DAY * _DAY) >= self._daily:
            raise TooMany(
                "You have used up your reports for today ({most}). You can report again after midnight UTC.",
                most=self._daily,
            )

    async def get(self, description_id: int) -> Description:
        """Return a reported description. Raise UserError if it is gone, or its text was deleted."""
        async with self._db.read() as tx:
            found = await self._get(tx, description_id)
        if not found.text:
            raise UserError("The person who asked for it had it deleted.")
        return found

    async def words(self, description_id: int) -> list[str]:
        """Return what people wrote of their own in reports of a description."""
        async with self._db.read() as tx:
            sent = await notifications.list_by_action(tx, NotificationAction("removal", description_id))
        return [words for each in sent if (words := notifications.words_of(each.text))]

    async def remove(self, description_id: int) -> Description:
        """Hide a description and remove it from datasets for good.

        Raise UserError if it is gone, or an operator has decided since the last notification.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            await _decide(tx, description_id, "remove")
            await descriptions.redact(tx, description_id)
            return await descriptions.remove(tx, description_id, at=found.removed_at or time.time())

    async def keep(self, description_id: int) -> Description:
        """Dismiss all reports of a description so far, show it again and let it train.

        Raise UserError if it is gone, or an operator has decided since the last notification.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if not found.text:
                raise UserError("The person who asked for it had it deleted.")
            await _decide(tx, description_id, "keep")
            await content_reports.dismiss(tx, description_id)
            return await descriptions.remove(tx, description_id, at=None)

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

    def _notification_text(
        self, found: Description, reason: LocalizedMessage | None, *, blind: bool
    ) -> LocalizedMessage:
        """Return the first line of the message to operators, without the text: others may read it.

        If the text is in a duel, it hides the model: operators may vote.
        """
        author: LocalizedMessage | str = found.model
        if blind:
            author = LocalizedMessage("one of two models in a duel")
        elif found.version:
            author = LocalizedMessage("model {number}", number=found.version)
        return LocalizedMessage(
            "🚩 Somebody reported what {model} wrote for `{hero}`: {reason}.",
            model=author,
            hero=self._vocabulary.typed(found.hero),
            reason=reason or _NO_REASON,
        )


def _notification_key(description_id: int, dismissed: int) -> str:
    """Return the key of the notification of all reports since that many were dismissed."""
    return f"{NotificationAction('removal', description_id)}:{dismissed}"


async def _decide(tx: Transaction, description_id: int, verdict: Verdict) -> None:
    """Note an operator's verdict with the notifications. Raise UserError if the newest one has a verdict."""
    sent = await notifications.list_by_action(tx, NotificationAction("removal", description_id))
    for known, text in _DECIDED.items():
        if sent and sent[-1].text.fields.get("verdict") == known:
            raise UserError(text)
    for each in sent:
        decided = LocalizedMessage(each.text.template, **{**each.text.fields, "verdict": verdict})
        await notifications.rewrite(tx, each.id, decided, told=True)


def _with_words(reason: LocalizedMessage | None, words: str) -> LocalizedMessage | None:
    if not words:
        return reason
    return LocalizedMessage("{chosen}, in their words: “{words}”", chosen=reason or _NO_REASON, words=words)
