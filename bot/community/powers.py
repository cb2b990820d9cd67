"""Powers: what admins add to the vocabulary, so that descriptions of it may train."""

import time

from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.vocabulary import Vocabulary
from bot.store import descriptions, powers
from bot.store.database import Database
from bot.store.powers import RequestedPower

_RANKING_LIFE = 60.0  # seconds


class Powers:
    """The vocabulary of data/heroes.toml with the added powers: rows, so every process sees them."""

    def __init__(self, db: Database, vocabulary: Vocabulary, blocklist: Blocklist) -> None:
        self._db = db
        self._blocklist = blocklist
        self._of_file = vocabulary
        self._ranked: tuple[Vocabulary, dict[str, int]] | None = None
        self._ranked_at = 0.0

    async def vocabulary(self) -> Vocabulary:
        """The whole vocabulary, of now."""
        return self._of_file.with_powers(await self.added())

    async def suggest(self, typed: str) -> list[str]:
        """Whole heroes that go on from what was typed, those of the powers most asked for first."""
        now = time.monotonic()
        if self._ranked is None or now - self._ranked_at > _RANKING_LIFE:
            vocabulary = await self.vocabulary()
            async with self._db.read() as tx:
                self._ranked = vocabulary, await descriptions.count_by_power(tx)
            self._ranked_at = now
        vocabulary, used = self._ranked
        return vocabulary.suggest(typed, used)

    async def added(self) -> list[str]:
        async with self._db.read() as tx:
            return await powers.list_added(tx)

    async def add(self, typed: str, actor_id: int | None = None) -> str:
        """Add a power, and return it as it is kept.

        Raises UserError where it is none, is in the vocabulary already, or may not be asked for.
        """
        name = self._name(typed)
        if self._blocklist.blocks(name):
            raise UserError(
                "The blocklist has {name!r}, so nobody may ask for it: allow it there first, by a line "
                "that begins with a hyphen.",
                name=name,
            )
        async with self._db.write() as tx:
            fresh = name not in self._of_file.powers
            fresh = fresh and await powers.add(tx, name, actor_id=actor_id, at=time.time())
        if not fresh:
            raise UserError("The vocabulary has {name!r} already: descriptions of it may train.", name=name)
        return name

    async def remove(self, typed: str) -> str:
        """Take an added power out again, and return it. Datasets that are frozen keep its texts.

        Raises UserError where nobody added it.
        """
        name = self._name(typed)
        if name in self._of_file.powers:
            raise UserError("{name!r} stands in data/heroes.toml: take it out there, and restart.", name=name)
        async with self._db.write() as tx:
            if not await powers.remove(tx, name):
                raise UserError("Nobody added {name!r}. `/powers list` shows what was added.", name=name)
        return name

    def _name(self, typed: str) -> str:
        return self._of_file.power(" ".join(typed.split()))

    async def requested(self, most: int = 25) -> list[RequestedPower]:
        """Powers outside the vocabulary that people asked for, the one of most people first."""
        vocabulary = await self.vocabulary()
        async with self._db.read() as tx:
            asked = await powers.list_requested(tx)
        return [each for each in asked if each.power not in vocabulary.powers][:most]
