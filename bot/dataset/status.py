"""Status: what is frozen, what the votes would let into the next dataset, and what other thresholds would."""

import json
import logging
import time
from dataclasses import asdict, dataclass, fields
from itertools import groupby

from bot.dataset.admission import Admission, Intake
from bot.rating.scores import Scores, Standing, Thresholds
from bot.store import datasets, notices
from bot.store.database import Database
from bot.store.datasets import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """Datasets and votes at one moment.

    intake: what the thresholds that are set would let in; around: how many descriptions those that are tried
    would, and others beside them.
    """

    newest: Dataset | None
    newest_pairs: Dataset | None
    standing: Standing
    thresholds: Thresholds
    intake: Intake
    tried: Thresholds
    around: list[tuple[Thresholds, int]]


class Statuses:
    """Says how datasets and votes stand."""

    def __init__(self, db: Database, scores: Scores, admission: Admission) -> None:
        self._db = db
        self._scores = scores
        self.admission = admission

    async def now(
        self, *, min_voters: int | None = None, above: float | None = None, confidence: float | None = None
    ) -> Status:
        """How it stands. What is given is tried in place of the thresholds that are set, which stay.

        Raises UserError where a threshold makes no sense.
        """
        set_ = self.admission.thresholds
        tried = Thresholds(
            set_.min_voters if min_voters is None else min_voters,
            set_.above if above is None else above,
            set_.confidence if confidence is None else confidence,
        )
        standing = await self._scores.standing()
        ways = list(tried.neighbours())
        async with self._db.read() as tx:
            newest, pairs = await datasets.latest(tx), await datasets.latest(tx, "preference")
        now, *others = await self.admission.intakes(standing, [set_, *ways])
        around = [(way, each.enters) for way, each in zip(ways, others, strict=True)]
        return Status(newest, pairs, standing, set_, now, tried, around)

    async def tell_changes(self) -> None:
        """Tell the admins, once, where the thresholds are not those of the newest dataset any more."""
        set_ = self.admission.thresholds
        async with self._db.read() as tx:
            newest = await datasets.latest(tx)
        before = _thresholds_of(newest) if newest else None
        if newest is None or before is None or before == set_:
            return
        standing = await self._scores.standing()
        then, now = await self.admission.intakes(standing, [before, set_])
        text = (
            f"The thresholds for votes have changed since dataset v{newest.id} ({before}). "
            f"Now it takes {set_}: {now.enters:,} descriptions would enter the next dataset; by the old "
            f"thresholds, {then.enters:,}."
        )
        log.warning("%s", text)
        async with self._db.write() as tx:
            key = f"thresholds:{newest.id}:{json.dumps(asdict(set_))}"  # the sentence rounds them
            await notices.add(tx, key, text, at=time.time())


def _thresholds_of(dataset: Dataset) -> Thresholds | None:
    """Those that a dataset was frozen with; None where it was frozen before they were kept."""
    kept = dataset.recipe.get("votes", {})
    return Thresholds(**kept) if set(kept) == {field.name for field in fields(Thresholds)} else None


def told(status: Status) -> str:
    """The status in words and a table, for Discord and the terminal."""
    lines = [
        _frozen("The newest dataset", status.newest),
        _frozen("The newest of pairs", status.newest_pairs),
    ]
    kept = status.standing.kept
    lines.append(
        f"**Votes:** {kept.votes:,} on {kept.descriptions:,} descriptions, {kept.counted:,} of them count."
    )
    if status.standing.not_counted:
        lines.append(f"Not counted: {', '.join(status.standing.not_counted)}.")
    lines.append(f"**What admits a description:** {status.thresholds}.")
    now = status.intake
    lines.append(f"{now.enters:,} would enter the next dataset, {now.voted_down:,} are voted down.")
    if now.unfit:
        unfit = ", ".join(f"{count:,} {reason}" for reason, count in sorted(now.unfit.items()))
        lines.append(f"People liked, but they may not train: {unfit}.")
    if status.tried != status.thresholds:
        lines.append(f"**Tried:** {status.tried}.")
    lines.append(f"How many would enter, by other thresholds (confidence {status.tried.confidence:.0%}):")
    return "\n".join([*lines, "```", *_table(status), "```"])


def _frozen(name: str, found: Dataset | None) -> str:
    if found is None:
        return f"**{name}:** none so far."
    train, valid, liked = (found.counts.get(part, 0) for part in ("train", "valid", "description"))
    rebuild = " A text had to be deleted from it: build it again." if found.rebuild else ""
    what = "pairs" if found.kind == "preference" else f"texts ({liked:,} rated well by people)"
    return f"**{name}:** v{found.id}, {train:,} {what} to learn from, {valid:,} held out.{rebuild}"


def _table(status: Status) -> list[str]:
    """A row for each number of voters, a column for each share of ups; the tried ones are marked."""
    rows = [list(row) for _, row in groupby(status.around, key=lambda each: each[0].min_voters)]
    head = "voters  " + "".join(f"{f'> {way.above:.0%}':>9}" for way, _ in rows[0])
    return [head, *(_row(row, status.tried) for row in rows)]


def _row(row: list[tuple[Thresholds, int]], tried: Thresholds) -> str:
    cells = (f"{'*' if way == tried else ''}{count:,}" for way, count in row)
    return f"{row[0][0].min_voters:>6}  " + "".join(f"{cell:>9}" for cell in cells)
