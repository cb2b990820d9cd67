"""Privacy: show, export and delete the data held about a person."""

import asyncio
import json
import time
from datetime import UTC, datetime

from bot.community.accounts import Pseudonyms
from bot.community.hero_cards import HeroCards
from bot.store import personal_data
from bot.store.database import Database
from bot.store.personal_data import Erased, Person


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

    def _person(self, user_id: int) -> Person:
        return Person(self._pseudonyms.of(user_id), user_id)
