"""Vote backfill: correct the stored reactions by those that Discord shows under recent messages."""

import time
from collections.abc import Collection, Mapping

from bot.community.accounts import Pseudonyms, account_days
from bot.rating.votes import value_of
from bot.shards import ALL, Shards
from bot.store import descriptions, reactions
from bot.store.database import Database
from bot.store.descriptions import Posted
from bot.store.reactions import Click, MessageClicks, Thumb
from bot.store.shared_writes import WriteTask


class VoteBackfill:
    """Selects the messages to read again, and stores the reactions found there.

    max_age_days: of a description; max_messages: how many of the newest.
    """

    def __init__(
        self, db: Database, pseudonyms: Pseudonyms, *, max_age_days: float, max_messages: int
    ) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._max_age = max_age_days * 86400
        self._max_messages = max_messages

    async def recent_messages(self, shards: Shards = ALL) -> list[Posted]:
        """Return the messages to read in servers of some shards, newest first."""
        async with self._db.read() as tx:
            since = time.time() - self._max_age
            return await descriptions.list_posted_since(tx, since, self._max_messages, shards)

    async def counts(self, posted: Posted) -> dict[Thumb, int]:
        """Return the stored number of each thumb under a message. If Discord's agree, nothing was missed."""
        async with self._db.read() as tx:
            return await reactions.count_thumbs(tx, posted.description_id)

    async def sync(self, posted: Posted, found: Mapping[Thumb, Collection[int]]) -> int:
        """Replace the stored reactions of these thumbs by those found, as the user ids of all who left one.

        New reactions are dated now, as is the age of their accounts: when they came is unknown. Returns how
        many came or went.
        """
        now = time.time()
        clicks = [
            Click(
                posted.description_id,
                self._pseudonyms.of(user_id),
                emoji,
                value_of(emoji),
                source,
                now,
                account_days(user_id, now),
            )
            for (emoji, source), user_ids in found.items()
            for user_id in user_ids
        ]
        change = MessageClicks(posted.description_id, frozenset(found), tuple(clicks))
        return await self._db.write_together(WriteTask(reactions.apply, change)) or 0
