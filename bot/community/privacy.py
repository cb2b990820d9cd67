"""Privacy: show, export and delete the data held about a person."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.community.accounts import Pseudonyms
from bot.community.hero_cards import HeroCards
from bot.errors import UserError
from bot.store import descriptions, duels, personal_data
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.duels import Duel
from bot.store.personal_data import Erased, Person


@dataclass(frozen=True, slots=True)
class OwnText:
    """A text that a person asked for. duel: the one that it is in, with another text of theirs, if any."""

    description: Description
    duel: Duel | None

    @property
    def ids(self) -> tuple[int, ...]:
        """The descriptions that are deleted together: both of a duel, which are one request of one person."""
        if self.duel is None:
            return (self.description.id,)
        return self.duel.live_description_id, self.duel.candidate_description_id

    @property
    def message(self) -> tuple[int, int] | None:
        """The ids of the channel and of the message that show it; None if none is known."""
        shown = self.duel or self.description
        if shown.channel_id is None or shown.message_id is None:
            return None
        return shown.channel_id, shown.message_id


class Privacy:
    """Finds a person's rows by their pseudonym, and an operator's actions by their Discord id."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms, cards: HeroCards) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._cards = cards

    async def counts(self, user_id: int) -> dict[str, int]:
        """Count the user's rows in each table, by its name."""
        async with self._db.read() as tx:
            return await personal_data.count_rows(tx, self._person(user_id))

    async def export(self, user_id: int) -> bytes:
        """Return the user's rows with all columns as JSON; times are seconds since 1970.

        Messages are in English.
        """
        async with self._db.read() as tx:
            rows = await personal_data.list_rows(tx, self._person(user_id))
        export = {"user_id": user_id, "exported_at": datetime.now(UTC).isoformat(timespec="seconds"), **rows}
        return await asyncio.to_thread(
            lambda: json.dumps(export, ensure_ascii=False, indent=1, default=str).encode()
        )

    async def delete(self, user_id: int) -> Erased:
        """Delete the user's data for good. What they do from now on is stored again."""
        async with self._db.write() as tx:
            erased = await personal_data.erase(tx, self._person(user_id), at=time.time())
        self._cards.forget()
        return erased

    async def own_text(self, user_id: int, description_id: int) -> OwnText:
        """Return a text that the user asked for. Raise UserError if it is gone, or somebody else's."""
        async with self._db.read() as tx:
            return await self._own_text(tx, user_id, description_id)

    async def delete_text(self, user_id: int, description_id: int) -> tuple[OwnText, list[int]]:
        """Delete one text that the user asked for, for good, as delete() does with all of them.

        Return it as it was, and the versions of datasets that must be rebuilt. Raise UserError as own_text().
        """
        async with self._db.write() as tx:
            found = await self._own_text(tx, user_id, description_id)
            pseudonym = self._pseudonyms.of(user_id)
            to_rebuild = await personal_data.erase_descriptions(tx, pseudonym, found.ids, at=time.time())
        self._cards.forget()
        return found, to_rebuild

    async def _own_text(self, tx: Transaction, user_id: int, description_id: int) -> OwnText:
        found = await descriptions.get(tx, description_id)
        if found is None or not found.requester:
            raise UserError("This description is gone.")
        if found.requester != self._pseudonyms.of(user_id):
            raise UserError("Only the person who asked for a hero can delete it.")
        return OwnText(found, await duels.get_by_description(tx, description_id))

    def _person(self, user_id: int) -> Person:
        return Person(self._pseudonyms.of(user_id), user_id)
