"""Status: what is frozen, what the votes would let into the next dataset, and what other thresholds would."""

import json
import logging
import time
from dataclasses import asdict, dataclass, fields

from bot.dataset.versions.admission import Admission, Intake
from bot.i18n.message import LocalizedMessage
from bot.rating.scores import Scores, Thresholds, VoteSnapshot
from bot.store import datasets, notifications
from bot.store.database import Database
from bot.store.datasets import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """Datasets and votes at one moment.

    intake: what the thresholds that are set would let in; around: how many descriptions those that are tried
    would, and others beside them.
    """

    newest: Dataset | None
    newest_pairs: Dataset | None
    standing: VoteSnapshot
    thresholds: Thresholds
    intake: Intake
    tried: Thresholds
    around: list[tuple[Thresholds, int]]


class DatasetStatuses:
    """Says how datasets and votes stand."""

    def __init__(self, db: Database, scores: Scores, admission: Admission) -> None:
        self._db = db
        self._scores = scores
        self.admission = admission

    async def now(
        self, *, min_voters: int | None = None, above: float | None = None, confidence: float | None = None
    ) -> DatasetStatus:
        """How it stands. What is given is tried in place of the thresholds that are set, which stay.

        Raises UserError where a threshold makes no sense.
        """
        set_ = self.admission.thresholds
        tried = Thresholds(
            set_.min_voters if min_voters is None else min_voters,
            set_.above if above is None else above,
            set_.confidence if confidence is None else confidence,
        )
        standing = await self._scores.snapshot()
        ways = list(tried.neighbours())
        async with self._db.read() as tx:
            newest, pairs = await datasets.get_latest(tx), await datasets.get_latest(tx, "preference")
        now, *others = await self.admission.intakes(standing, [set_, *ways])
        around = [(way, each.enters) for way, each in zip(ways, others, strict=True)]
        return DatasetStatus(newest, pairs, standing, set_, now, tried, around)

    async def notify_changed_thresholds(self) -> None:
        """Tell the admins, once, where the thresholds are not those of the newest dataset any more."""
        set_ = self.admission.thresholds
        async with self._db.read() as tx:
            newest = await datasets.get_latest(tx)
        before = _thresholds_of(newest) if newest else None
        if newest is None or before is None or before == set_:
            return
        standing = await self._scores.snapshot()
        then, now = await self.admission.intakes(standing, [before, set_])
        text = LocalizedMessage(
            "The thresholds for votes have changed since dataset v{version} ({before}). Now it takes {set}: "
            "{now:,} descriptions would enter the next dataset; by the old thresholds, {then:,}.",
            version=newest.id,
            before=before.summary,
            set=set_.summary,
            now=now.enters,
            then=then.enters,
        )
        log.warning("%s", text)
        async with self._db.write() as tx:
            key = f"thresholds:{newest.id}:{json.dumps(asdict(set_))}"  # the sentence rounds them
            await notifications.add(tx, key, text, at=time.time())


def _thresholds_of(dataset: Dataset) -> Thresholds | None:
    """Those that a dataset was frozen with; None where it was frozen before they were kept."""
    kept = dataset.recipe.get("votes", {})
    return Thresholds(**kept) if set(kept) == {field.name for field in fields(Thresholds)} else None
