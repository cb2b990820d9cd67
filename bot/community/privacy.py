"""Privacy: what is held about a person, for them to see, to take along and to have deleted."""

import asyncio
import json
import time
from datetime import UTC, datetime

from bot.community.accounts import Pseudonyms
from bot.store import personal_data
from bot.store.database import Database
from bot.store.personal_data import Erased, Person


class Privacy:
    """Finds a person's rows by their pseudonym, or for what operators do by their Discord id."""

    def __init__(self, db: Database, voters: Pseudonyms) -> None:
        self._db = db
        self._voters = voters

    async def counts(self, user_id: int) -> dict[str, int]:
        """How many rows of each table are the user's, by the table's name."""
        async with self._db.read() as tx:
            return await personal_data.count_rows(tx, self._person(user_id))

    async def export(self, user_id: int) -> bytes:
        """Every row that is the user's, in all its columns, as JSON; times are seconds since 1970.

        What was to be told is in English.
        """
        async with self._db.read() as tx:
            rows = await personal_data.list_rows(tx, self._person(user_id))
        whole = {"user_id": user_id, "exported_at": datetime.now(UTC).isoformat(timespec="seconds"), **rows}
        return await asyncio.to_thread(
            lambda: json.dumps(whole, ensure_ascii=False, indent=1, default=str).encode()
        )

    async def delete(self, user_id: int) -> Erased:
        """Forget the user, for ever. What they do from now on is kept anew."""
        async with self._db.write() as tx:
            return await personal_data.erase(tx, self._person(user_id), at=time.time())

    def _person(self, user_id: int) -> Person:
        return Person(self._voters.of(user_id), user_id)
