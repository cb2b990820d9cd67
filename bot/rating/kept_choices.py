"""Kept choices: what rankings are made by, in the database, so that nobody waits for it after a start."""

import hashlib
import logging
import time
from collections.abc import Sequence

from bot.errors import DatabaseBusy
from bot.store import kept_choices
from bot.store.database import Database
from bot.store.ranking import Contest

log = logging.getLogger(__name__)

_PRIOR = "prior"


class KeptChoices:
    """Keeps the best descriptions of large contests, and the prior.

    What is kept may be days old: it serves after a start, until it is computed anew.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ids(self, contest: Contest) -> tuple[float, list[int]] | None:
        """Return how many seconds ago the best descriptions of a contest were chosen, and which they were.

        None if they were never chosen.
        """
        async with self._db.read() as tx:
            found = await kept_choices.get(tx, _key(contest))
        return (max(0.0, time.time() - found.at), list(found.value)) if found else None

    async def keep_ids(self, contest: Contest, ids: Sequence[int]) -> None:
        """Keep the best descriptions of a contest."""
        await self._put(_key(contest), list(ids))

    async def prior(self) -> tuple[float, float] | None:
        """Return the weight and the mean of the last prior; None if there was none."""
        async with self._db.read() as tx:
            found = await kept_choices.get(tx, _PRIOR)
        return (found.value[0], found.value[1]) if found else None

    async def keep_prior(self, weight: float, mean: float) -> None:
        await self._put(_PRIOR, [weight, mean])

    async def _put(self, key: str, value: Sequence[float]) -> None:
        try:
            async with self._db.write() as tx:
                await kept_choices.put(tx, key, value, at=time.time())
        except DatabaseBusy as error:
            log.info("a ranking's choice is not kept this time: %s", error)


def _key(contest: Contest) -> str:
    powers = None if contest.powers is None else sorted(contest.powers)
    described = repr((contest.guild_id, powers, contest.span.since, contest.span.until))
    return hashlib.sha256(described.encode()).hexdigest()
