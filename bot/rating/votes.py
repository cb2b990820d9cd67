"""Votes: +1 or -1 of one user on one description, derived from the reactions they left."""

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms, account_days
from bot.errors import UserError
from bot.store import descriptions, reactions, votes
from bot.store.database import Database, WriteTask
from bot.store.reactions import UNDER_THE_MESSAGE, Change, Click, Press, Shown, Source, Withdrawal

UP, DOWN = "👍", "👎"

_VALUES = {UP: 1, DOWN: -1}
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))


@dataclass(slots=True)
class VoteCounts:
    """Votes for and against, by people other than the ones who asked."""

    ups: int = 0
    downs: int = 0


class Votes:
    """Keeps what people click, and counts it. What has returned is on the disk."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db = db
        self._voters = pseudonyms

    async def add_reaction(self, message_id: int, user_id: int, emoji: str, *, burst: bool = False) -> None:
        """Keep a thumb left on a description's message; anything else is no vote and is not kept.

        burst says that it is a super reaction.
        """
        if is_thumb(emoji):
            now = time.time()
            await self._change(
                Click(
                    Shown(message_id),
                    self._voters.of(user_id),
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
        """Forget one user's emoji under a message. A super reaction and a plain one go each by itself."""
        if is_thumb(emoji):
            source: Source = "super" if burst else "reaction"
            await self._change(Withdrawal(Shown(message_id), (source,), self._voters.of(user_id), emoji))

    async def clear_reactions(self, message_id: int, emoji: str | None = None) -> None:
        """Forget what a moderator took from under a message: one emoji of everyone's, or all of them."""
        if emoji is None or is_thumb(emoji):
            await self._change(Withdrawal(Shown(message_id), UNDER_THE_MESSAGE, emoji=emoji))

    async def mark_messages_deleted(self, message_ids: Collection[int]) -> None:
        """Note that messages were deleted: the votes on what they showed stay as they are."""
        async with self._db.write() as tx:
            await descriptions.message_gone(tx, message_ids)

    async def toggle(self, description_id: int, user_id: int, emoji: str) -> bool:
        """Keep a press of a thumb's button; the same one again takes it back. Returns whether it stays.

        Raises UserError where the description is gone, or out of sight.
        """
        now = time.time()
        voter, days = self._voters.of(user_id), account_days(user_id, now)
        left = await self._change(Press(description_id, voter, emoji, value_of(emoji), "button", now, days))
        if left is None:
            raise UserError("This description is gone; there is nothing to vote on.")
        return left != 0

    async def simulate(self, description_id: int, voter_name: str, emoji: str) -> None:
        """Keep a simulated voter's click, labelled as such."""
        voter = self._voters.of(voter_name)
        await self._change(Click(description_id, voter, emoji, value_of(emoji), "simulated", time.time()))

    async def _change(self, change: Change) -> int | None:
        return await self._db.write_together(WriteTask(reactions.change, change))

    async def by_model(self) -> defaultdict[str, VoteCounts]:
        """All votes on each model's descriptions, by the model's name."""
        async with self._db.read() as tx:
            counts = await votes.counts_by_model(tx)
        return defaultdict(VoteCounts, {name: VoteCounts(*each) for name, each in counts.items()})


def is_thumb(emoji: str) -> bool:
    return _base(emoji) in _VALUES


def value_of(thumb: str) -> int:
    """+1 or -1."""
    return _VALUES[_base(thumb)]


def _base(emoji: str) -> str:
    """The emoji without its skin tone."""
    return emoji.translate(_SKIN_TONES)
