"""Votes: +1 or -1 of one user on one description, derived from the reactions they left."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.rating.voters import Voters
from bot.store import descriptions, reactions
from bot.store.database import Database
from bot.store.reactions import Reaction

UP, DOWN = "👍", "👎"

_VALUES = {UP: 1, DOWN: -1}
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))

Source = Literal["reaction", "simulated"]


@dataclass(slots=True)
class Tally:
    """Votes on one description by people other than the one who asked for it."""

    ups: int = 0
    downs: int = 0

    def admits(self, min_voters: int) -> bool:
        """Whether the description may train: enough voters, and more of them for it than against it."""
        return self.ups + self.downs >= min_voters and self.ups > self.downs


class Votes:
    """Keeps what people click, and counts it."""

    def __init__(self, db: Database, voters: Voters) -> None:
        self._db = db
        self._voters = voters

    async def clicked(self, message_id: int, user_id: int, emoji: str, source: Source = "reaction") -> None:
        """Keep a thumb left on a description's message; anything else is no vote and is not kept."""
        if not is_thumb(emoji):
            return
        async with self._db.write() as tx:
            found = await descriptions.of_message(tx, message_id)
            if found:
                voter = self._voters.of(user_id)
                value = _VALUES[_base(emoji)]
                await reactions.add(tx, found.id, voter, emoji, value=value, source=source, at=time.time())

    async def withdrawn(
        self, message_id: int, *, user_id: int | None = None, emoji: str | None = None
    ) -> None:
        """Forget clicks on a message: one user's emoji, one emoji of everyone's, or all of them."""
        async with self._db.write() as tx:
            found = await descriptions.of_message(tx, message_id)
            if found:
                voter = None if user_id is None else self._voters.of(user_id)
                await reactions.remove(tx, found.id, voter=voter, emoji=emoji)

    async def simulate(self, description_id: int, voter_name: str, emoji: str) -> None:
        """Keep a simulated voter's click, labelled as such."""
        async with self._db.write() as tx:
            voter = self._voters.of(voter_name)
            value = _VALUES[_base(emoji)]
            await reactions.add(
                tx, description_id, voter, emoji, value=value, source="simulated", at=time.time()
            )

    async def tallies(self) -> dict[int, Tally]:
        """The votes on every description that has any, by its id."""
        async with self._db.read() as tx:
            return tally(await reactions.every(tx))

    async def by_model(self) -> defaultdict[str, Tally]:
        """All votes on each model's descriptions, by the model's name."""
        async with self._db.read() as tx:
            clicks = await reactions.every(tx)
        writers = {click.description_id: click.model for click in clicks}
        votes: defaultdict[str, Tally] = defaultdict(Tally)
        for description_id, each in tally(clicks).items():
            votes[writers[description_id]].ups += each.ups
            votes[writers[description_id]].downs += each.downs
        return votes


def is_thumb(emoji: str) -> bool:
    return _base(emoji) in _VALUES


def tally(clicks: Iterable[Reaction]) -> dict[int, Tally]:
    """Derive votes: of each voter the latest thumb that is still there; the requester's own never counts.

    Clicks come in the order in which they were made.
    """
    latest: dict[tuple[int, str], int] = {}
    for click in clicks:
        if not click.by_requester:
            latest[click.description_id, click.voter] = _VALUES[_base(click.emoji)]
    tallies: dict[int, Tally] = defaultdict(Tally)
    for (description_id, _), value in latest.items():
        if value > 0:
            tallies[description_id].ups += 1
        else:
            tallies[description_id].downs += 1
    return dict(tallies)


def _base(emoji: str) -> str:
    """The emoji without its skin tone."""
    return emoji.translate(_SKIN_TONES)
