"""Status: the newest datasets, and what the votes would admit to the next one by various thresholds."""

import json
import logging
import time
from dataclasses import asdict, dataclass, fields

from bot.dataset.versions.admission_counts import AdmissionCounter, AdmissionCounts
from bot.dataset.versions.scenes import AdmittedScenes, TrainableScenes
from bot.i18n.message import LocalizedMessage
from bot.rating.scores import VoteNumbers
from bot.rating.thresholds import Thresholds
from bot.store import datasets, notifications
from bot.store.database import Database
from bot.store.datasets import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """Datasets and votes at one moment.

    counted_ago: seconds since the votes were counted, as many are not counted each time. counts:
    what the configured thresholds would admit. neighbours: how many descriptions the tried thresholds and
    those next to them would admit. scenes: what would be admitted of them; None if they may not train.
    """

    newest: Dataset | None
    newest_pairs: Dataset | None
    newest_thumbs: Dataset | None
    votes: VoteNumbers
    counted_ago: float
    thresholds: Thresholds
    counts: AdmissionCounts
    tried: Thresholds
    neighbours: list[tuple[Thresholds, int]]
    scenes: AdmittedScenes | None


class DatasetStatuses:
    """Compute the status, and notify admins of changed thresholds."""

    def __init__(
        self, db: Database, counter: AdmissionCounter, scenes: TrainableScenes, thresholds: Thresholds
    ) -> None:
        """thresholds: the configured ones."""
        self._db = db
        self._counter = counter
        self._thresholds = thresholds
        self._scenes = scenes

    async def status(
        self, *, min_voters: int | None = None, above: float | None = None, confidence: float | None = None
    ) -> DatasetStatus:
        """Return the status. The arguments are tried in place of the configured thresholds, without a change.

        Raises UserError if a threshold is out of range.
        """
        configured = self._thresholds
        tried = Thresholds(
            configured.min_voters if min_voters is None else min_voters,
            configured.above if above is None else above,
            configured.confidence if confidence is None else confidence,
        )
        options = list(tried.neighbours())
        async with self._db.read() as tx:
            newest, pairs = await datasets.get_latest(tx), await datasets.get_latest(tx, "preference")
            thumbs = await datasets.get_latest(tx, "thumbs")
        rated = await self._counter.count([configured, *options], dataset_id=newest.id if newest else None)
        return DatasetStatus(
            newest,
            pairs,
            thumbs,
            rated.votes,
            time.time() - rated.at,
            configured,
            rated.by(configured),
            tried,
            [(thresholds, rated.by(thresholds).admitted) for thresholds in options],
            await self._scenes.admit() if self._scenes.enabled else None,
        )

    async def notify_changed_thresholds(self) -> None:
        """Notify the admins, once, if the thresholds differ from those of the newest dataset."""
        configured = self._thresholds
        async with self._db.read() as tx:
            newest = await datasets.get_latest(tx)
        before = _thresholds_of(newest) if newest else None
        if newest is None or before is None or before == configured:
            return
        rated = await self._counter.count([before, configured], dataset_id=newest.id)
        then, now = rated.by(before), rated.by(configured)
        text = LocalizedMessage(
            "What a description needs to enter a dataset has changed since v{version}. Before: {before}. "
            "Now: {set}. By that, {now} would enter the next dataset; by the old rule, {then:,}.",
            version=newest.id,
            before=before.summary,
            set=configured.summary,
            now=LocalizedMessage.counted("{number:,} description", "{number:,} descriptions", now.admitted),
            then=then.admitted,
        )
        log.warning("%s", text)
        async with self._db.write() as tx:
            key = f"thresholds:{newest.id}:{json.dumps(asdict(configured))}"  # the text rounds them
            await notifications.add(tx, key, text, at=time.time())


def _thresholds_of(dataset: Dataset) -> Thresholds | None:
    """Return the thresholds that a dataset was frozen with. None: an older version, whose recipe has none."""
    saved = dataset.recipe.get("votes", {})
    return Thresholds(**saved) if set(saved) == {field.name for field in fields(Thresholds)} else None
