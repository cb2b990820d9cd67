"""Picks: which of two texts people like better, a take or the text before it.

They make pairs for training, and count in no trial of models.
"""

import time
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.store import descriptions, picks
from bot.store.database import Database, Transaction
from bot.store.picks import Pick, Preference


@dataclass(frozen=True, slots=True)
class PickResult:
    """A pick that is stored. changed: the person had picked the other text before.

    not_counted: why no model learns from it; None if one may.
    """

    prefers: Preference
    changed: bool
    not_counted: LocalizedMessage | None


class Picks:
    """Stores picks, one of each person and take. account_days: the minimum age of accounts that count."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms, *, account_days: int) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._account_days = account_days

    async def pick(self, take_id: int, user: int | str, prefers: Preference) -> PickResult:
        """Store which text a person likes better; a later pick replaces an earlier one.

        user: a Discord id, or a simulated voter's name. Raises UserError if a text is hidden or gone.
        """
        voter, now = self._pseudonyms.of(user), time.time()
        days = account_days(user, now) if isinstance(user, int) else None

        async def record(tx: Transaction) -> PickResult:
            await _check_both(tx, take_id)
            before = await picks.get(tx, take_id, voter)
            await picks.put(tx, Pick(take_id, voter, prefers, days, now))
            changed = before is not None and before.prefers != prefers
            return PickResult(prefers, changed, self._not_counted(days))

        return await self._db.write_when_free(record)

    def _not_counted(self, days: int | None) -> LocalizedMessage | None:
        if days is None or days >= self._account_days:
            return None
        return LocalizedMessage(
            "It does not count, because your Discord account is younger than {days} days.",
            days=self._account_days,
        )


async def _check_both(tx: Transaction, take_id: int) -> None:
    """Raise UserError unless a take and its parent can both be read."""
    take = await descriptions.get(tx, take_id)
    is_take = take is not None and take.kind == "take"
    parent = await descriptions.get(tx, take.parent_id) if take and is_take and take.parent_id else None
    if not (take and parent and take.text and parent.text):
        raise UserError("One of the two texts is gone, so there is nothing to compare.")
    if take.removed_at is not None or parent.removed_at is not None:
        raise UserError("One of the two texts is hidden now, so there is nothing to compare.")
