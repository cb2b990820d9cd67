"""Powers that operators add to the vocabulary, so that descriptions of them may train."""

import time
from itertools import islice

from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.hero import Hero
from bot.heroes.suggestions import suggest_heroes
from bot.heroes.vocabulary import Vocabulary, quoted
from bot.store import descriptions, powers
from bot.store.database import Database
from bot.store.powers import RequestedPower

_RANKING_LIFETIME = 60.0  # seconds


class Powers:
    """The vocabulary of data/heroes.toml with the added powers: rows, which all processes see."""

    def __init__(self, db: Database, vocabulary: Vocabulary, blocklist: Blocklist) -> None:
        self._db = db
        self._blocklist = blocklist
        self._file_vocabulary = vocabulary
        self._current: tuple[list[str], Vocabulary] = [], vocabulary  # by the added powers
        self._used: dict[str, int] | None = None  # how often each power was asked for
        self._used_at = 0.0

    async def vocabulary(self) -> Vocabulary:
        """Return the current vocabulary, which any process may have changed."""
        added = await self.added()
        if self._current[0] != added:
            self._current = added, self._file_vocabulary.with_powers(added)
        return self._current[1]

    async def vocabulary_of(self, hero: Hero) -> Vocabulary:
        """Return a vocabulary that tells all of one hero: the file's if that has the power, else the current.

        For nearly every hero that reads nothing.
        """
        vocabulary = self._file_vocabulary
        return vocabulary if vocabulary.trains(hero) else await self.vocabulary()

    async def suggest(self, typed: str, language: str = "en") -> list[str]:
        """Return whole heroes that complete what was typed, those with the most requested powers first.

        language: the code of the one whose words are suggested.
        """
        now = time.monotonic()
        if self._used is None or now - self._used_at > _RANKING_LIFETIME:
            async with self._db.read() as tx:
                self._used = await descriptions.count_by_power(tx)
            self._used_at = now
        return suggest_heroes(await self.vocabulary(), typed, self._used, language=language)

    async def added(self) -> list[str]:
        """Return the added powers in the order of adding."""
        async with self._db.read() as tx:
            return await powers.list_added(tx)

    async def add(self, typed: str, actor_id: int | None = None) -> str:
        """Add a power, and return it as it is stored.

        A synonym adds the power that it stands for. Raise UserError if it is not a valid power, is in the
        vocabulary already or is blocked.
        """
        name = self._name(typed)
        if self._blocklist.blocks(name):
            raise UserError(
                "{quoted} is on the blocklist, so nobody may ask for it. Allow it first: write the line "
                "`-{name}` into the file {file} (setting BLOCKLIST), and start the bot anew.",
                quoted=quoted(name),
                name=name,
                file=self._blocklist.file,
            )
        async with self._db.write() as tx:
            is_new = name not in self._file_vocabulary.powers
            is_new = is_new and await powers.add(tx, name, actor_id=actor_id, at=time.time())
        if not is_new:
            raise UserError(
                "{quoted} is in the vocabulary already: the model learns from descriptions of it that "
                "people like.",
                quoted=quoted(name),
            )
        return name

    async def remove(self, typed: str) -> str:
        """Remove an added power, and return it. Frozen datasets keep its texts.

        Raise UserError if it was not added.
        """
        as_typed, name = self._file_vocabulary.plain_power(" ".join(typed.split())), self._name(typed)
        async with self._db.write() as tx:
            if await powers.remove(tx, as_typed):  # also one that has become a synonym since
                return as_typed
            if name in self._file_vocabulary.powers:
                raise UserError(
                    "{quoted} is in data/heroes.toml: remove it there, and restart.", quoted=quoted(name)
                )
            if not await powers.remove(tx, name):
                raise UserError(
                    "Nobody added {quoted}. `{/powers list}` shows what was added.", quoted=quoted(name)
                )
        return name

    def _name(self, typed: str) -> str:
        return self._file_vocabulary.power(" ".join(typed.split()))

    async def requested(self, limit: int = 25) -> list[RequestedPower]:
        """Return powers outside the vocabulary that people asked for, those of most people first.

        Powers that are blocked by now are left out.
        """
        vocabulary = await self.vocabulary()
        async with self._db.read() as tx:
            asked = await powers.list_requested(tx)
        open_powers = (
            power
            for power in asked
            if power.power not in vocabulary.powers and not self._blocklist.blocks(power.power)
        )
        return list(islice(open_powers, limit))  # a look at the blocklist takes a millisecond
