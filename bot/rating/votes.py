"""Votes: +1 or -1 of one user on one description, derived from the reactions they left.

What each emoji is worth is defined here. Of several thumbs of one voter the latest counts, and two of the
same moment are no vote: bot/store/votes.py derives that.
"""

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import UserError
from bot.store import card_posts, descriptions, reactions, votes
from bot.store.database import Database, Transaction
from bot.store.reactions import MESSAGE_SOURCES, Change, Click, MessageRef, Press, Source, Withdrawal
from bot.store.shared_writes import WriteTask

UP, DOWN = "👍", "👎"

_VALUES = {UP: 1, DOWN: -1}
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))


@dataclass(slots=True)
class VoteCounts:
    """Votes for and against, without those of the people who asked."""

    ups: int = 0
    downs: int = 0


class Votes:
    """Stores reactions and button presses, and counts votes. A call that has returned is on the disk.

    While another program holds the database, calls wait: no vote is lost.
    """

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db = db
        self._pseudonyms = pseudonyms

    async def add_reaction(self, message_id: int, user_id: int, emoji: str, *, burst: bool = False) -> None:
        """Store a user's thumb under a description's message; other emojis are no votes and are ignored.

        burst: whether it is a super reaction.
        """
        if is_thumb(emoji):
            now = time.time()
            await self._change(
                Click(
                    MessageRef(message_id),
                    self._pseudonyms.of(user_id),
                    emoji,
                    value_of(emoji),
                    "super" if burst else "reaction",
                    now,
                    account_days(user_id, now),
                )
            )

    async def remove_reaction(
        self, message_id: int, user_id: int, emoji: str, *, burst: bool = False
    ) -> None:
        """Delete a user's emoji under a message. A super reaction and a plain one are deleted separately."""
        if is_thumb(emoji):
            source: Source = "super" if burst else "reaction"
            await self._change(
                Withdrawal(MessageRef(message_id), (source,), self._pseudonyms.of(user_id), emoji)
            )

    async def clear_reactions(self, message_id: int, emoji: str | None = None) -> None:
        """Delete one emoji of all users under a message, or all emojis, after a moderator cleared them."""
        if emoji is None or is_thumb(emoji):
            await self._change(Withdrawal(MessageRef(message_id), MESSAGE_SOURCES, emoji=emoji))

    async def mark_messages_deleted(self, message_ids: Collection[int]) -> None:
        """Note that messages were deleted. The votes on their descriptions stay as they are."""

        async def note(tx: Transaction) -> None:
            await descriptions.clear_messages(tx, message_ids)
            await card_posts.remove(tx, message_ids)

        await self._db.write_when_free(note)

    async def toggle(self, description_id: int, user_id: int, emoji: str) -> bool:
        """Store a press of a thumb's button, or delete it if it was pressed before.

        Returns whether the vote stands. Raises UserError if the description is deleted or hidden.
        """
        now = time.time()
        voter, days = self._pseudonyms.of(user_id), account_days(user_id, now)
        vote = await self._change(Press(description_id, voter, emoji, value_of(emoji), "button", now, days))
        if vote is None:
            raise UserError(
                "This description is gone, so you cannot vote on it. Ask for a new one with `/hero`."
            )
        return vote != 0

    async def simulate(self, description_id: int, voter_name: str, emoji: str) -> None:
        """Store a simulated voter's click, labelled as such."""
        voter = self._pseudonyms.of(voter_name)
        await self._change(Click(description_id, voter, emoji, value_of(emoji), "simulated", time.time()))

    async def _change(self, change: Change) -> int | None:
        return await self._db.write_together(WriteTask(reactions.apply, change))

    async def by_model(self) -> defaultdict[str, VoteCounts]:
        """Return the votes on each model's descriptions, by the model's name."""
        async with self._db.read() as tx:
            counts = await votes.count_by_model(tx)
        return defaultdict(VoteCounts, {name: VoteCounts(*pair) for name, pair in counts.items()})


def is_thumb(emoji: str) -> bool:
    """Return whether an emoji is a vote: 👍 or 👎, in any skin tone."""
    return _base(emoji) in _VALUES


def value_of(thumb: str) -> int:
    """Return +1 or -1."""
    return _VALUES[_base(thumb)]


def _base(emoji: str) -> str:
    """Return the emoji without its skin tone."""
    return emoji.translate(_SKIN_TONES)
