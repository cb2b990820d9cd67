"""Kept counts: how many rated descriptions there are of each kind, kept in the database for a start."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from bot.errors import DatabaseBusy
from bot.store import kept_choices
from bot.store.curation_verdicts import RatedGroup
from bot.store.database import Database
from bot.store.scores import VoteTotals

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CountedGroups:
    """Votes and rated descriptions as they were at one moment, in seconds since 1970."""

    totals: VoteTotals
    groups: Sequence[RatedGroup]
    at: float


class KeptCounts:
    """Keeps the last counts by what they depend on. They tell nothing of any person."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, key: object) -> CountedGroups | None:
        """Return what was counted last, perhaps days ago; None if nothing was."""
        async with self._db.read() as tx:
            found = await kept_choices.get(tx, _digest(key))
        if found is None:
            return None
        totals, groups = found.value
        return CountedGroups(VoteTotals(*totals), [RatedGroup(*each) for each in groups], found.at)

    async def put(self, key: object, counted: CountedGroups) -> None:
        """Keep counts, in place of those before; if the database is busy, not this time."""
        value = [astuple(counted.totals), [astuple(each) for each in counted.groups]]
        try:
            async with self._db.write() as tx:
                await kept_choices.put(tx, _digest(key), value, at=counted.at)
        except DatabaseBusy as error:
            log.info("the counts of rated texts are not kept this time: %s", error)


def _digest(key: object) -> str:
    return hashlib.sha256(repr(("rated_texts", key)).encode()).hexdigest()
