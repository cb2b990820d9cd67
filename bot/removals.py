"""Removals: descriptions that people reported, and what operators make of it."""

import time

from bot.errors import UserError
from bot.language import Sentence
from bot.rating.voters import Voters
from bot.store import complaints, descriptions, notices
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description


class Removals:
    """Takes descriptions from sight and from training: at so many reports for now, by operators for good."""

    def __init__(self, db: Database, voters: Voters, *, reports_to_hide: int) -> None:
        self._db = db
        self._voters = voters
        self._reports_to_hide = reports_to_hide

    async def report(self, description_id: int, user_id: int) -> Description | None:
        """Keep a user's report, and tell the operators of the first.

        Returns the description where it has to be hidden now. Raises UserError where there is nothing to
        report.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if found.removed_at is not None:
                raise UserError("It is hidden already.")
            reporter = self._voters.of(user_id)
            if not await complaints.add(tx, description_id, reporter, at=time.time()):
                raise UserError("You have reported it already: the operators know.")
            still_open, dismissed = await complaints.counts(tx, description_id)
            key = f"removal:{description_id}:{dismissed}"  # what is reported after a Keep is told anew
            await notices.add(tx, key, _told(found), at=time.time(), action=f"removal:{description_id}")
            if still_open < self._reports_to_hide:
                return None
            return await descriptions.remove(tx, description_id, at=time.time())

    async def remove(self, description_id: int) -> Description:
        """Take a description from sight and from training for good. Raises UserError where it is gone."""
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            await descriptions.bury(tx, description_id)
            return await descriptions.remove(tx, description_id, at=found.removed_at or time.time())

    async def keep(self, description_id: int) -> Description:
        """Find nothing wrong with a description: it is seen and may train again, the reports so far are done.

        Raises UserError where it is gone.
        """
        async with self._db.write() as tx:
            found = await self._get(tx, description_id)
            if not found.text:
                raise UserError("Whoever asked for it had it deleted.")
            await complaints.dismiss(tx, description_id)
            return await descriptions.remove(tx, description_id, at=None)

    async def _get(self, tx: Transaction, description_id: int) -> Description:
        found = await descriptions.get(tx, description_id)
        if found is None:
            raise UserError("This description is gone.")
        return found


def _told(found: Description) -> Sentence:
    return Sentence(
        "🚩 Somebody reported what `{model}` wrote of a {hero}:\n```\n{text}\n```\n"
        "Remove takes it from sight and from training; Keep lets it be, and dismisses the reports.",
        model=found.model,
        hero=str(found.hero),
        text=found.text.replace("`", "'")[:1500],
    )
