"""Reconciling: votes that came and went while nobody listened, as far as they can be looked up."""

import time
from collections.abc import Collection, Mapping

from bot.community.accounts import Pseudonyms, account_days
from bot.rating.votes import value_of
from bot.store import descriptions, reactions
from bot.store.database import Database, WriteTask
from bot.store.descriptions import Posted
from bot.store.reactions import Click, Found, Thumb


class VoteBackfill:
    """Says which messages are worth a look, and keeps what was found there.

    days is how old a description may be, most how many of the newest are looked at.
    """

    def __init__(
        self, db: Database, pseudonyms: Pseudonyms, *, max_age_days: float, max_messages: int
    ) -> None:
        self._db = db
        self._voters = pseudonyms
        self._seconds = max_age_days * 86400
        self._most = max_messages

    async def recent_messages(self) -> list[Posted]:
        """The messages to look at, the newest first."""
        async with self._db.read() as tx:
            return await descriptions.shown_since(tx, time.time() - self._seconds, self._most)

    async def counts(self, posted: Posted) -> dict[Thumb, int]:
        """How often each thumb is kept for a message: where Discord counts as many, nothing was missed."""
        async with self._db.read() as tx:
            return await reactions.counts(tx, posted.description_id)

    async def sync(self, posted: Posted, found: Mapping[Thumb, Collection[int]]) -> int:
        """Let the votes be what was found: the ids of all people who left a thumb.

        What is new counts from now on, the age of the account included: when it came is not known. Returns
        how many clicks came or went.
        """
        now = time.time()
        clicks = [
            Click(
                posted.description_id,
                self._voters.of(user_id),
                emoji,
                value_of(emoji),
                source,
                now,
                account_days(user_id, now),
            )
            for (emoji, source), user_ids in found.items()
            for user_id in user_ids
        ]
        change = Found(posted.description_id, frozenset(found), tuple(clicks))
        return await self._db.write_together(WriteTask(reactions.change, change)) or 0
