"""Status: what is frozen, what the votes would let into the next dataset, and what other thresholds would."""

import json
import logging
import time
from dataclasses import asdict, dataclass, fields
from itertools import groupby

from bot.dataset.admission import Admission, Intake
from bot.dataset.reasons import reasons
from bot.language import Language, Sentence
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
        text = Sentence(
            "The thresholds for votes have changed since dataset v{version} ({before}). Now it takes {set}: "
            "{now:,} descriptions would enter the next dataset; by the old thresholds, {then:,}.",
            version=newest.id,
            before=before.told,
            set=set_.told,
            now=now.enters,
            then=then.enters,
        )
        log.warning("%s", text)
        async with self._db.write() as tx:
            key = f"thresholds:{newest.id}:{json.dumps(asdict(set_))}"  # the sentence rounds them
            await notices.add(tx, key, text, at=time.time())


def _thresholds_of(dataset: Dataset) -> Thresholds | None:
    """Those that a dataset was frozen with; None where it was frozen before they were kept."""
    kept = dataset.recipe.get("votes", {})
    return Thresholds(**kept) if set(kept) == {field.name for field in fields(Thresholds)} else None


def told(say: Language, status: Status) -> str:
    """The status in words and a table, for Discord and the terminal."""
    kept, standing = status.standing.kept, status.standing
    lines = [
        f"{say('**The newest dataset:**')} {_frozen(say, status.newest)}",
        f"{say('**The newest of pairs:**')} {_frozen(say, status.newest_pairs)}",
        say(
            "**Votes:** {votes:,} on {descriptions:,} descriptions, {counted:,} of them count.",
            votes=kept.votes,
            descriptions=kept.descriptions,
            counted=kept.counted,
        ),
    ]
    if standing.not_counted:
        lines.append(say("Not counted: {reasons}.", reasons=standing.not_counted))
    lines.append(say("**What admits a description:** {thresholds}.", thresholds=status.thresholds.told))
    lines.append(
        say(
            "{enters:,} would enter the next dataset, {down:,} are voted down.",
            enters=status.intake.enters,
            down=status.intake.voted_down,
        )
    )
    if status.intake.unfit:
        lines.append(
            say("People liked, but they may not train: {reasons}.", reasons=reasons(status.intake.unfit))
        )
    if status.tried != status.thresholds:
        lines.append(say("**Tried:** {thresholds}.", thresholds=status.tried.told))
    lines.append(
        say(
            "How many would enter, by other thresholds (confidence {confidence:.0%}):",
            confidence=status.tried.confidence,
        )
    )
    return "\n".join([*lines, "```", *_table(say, status), "```"])


def _frozen(say: Language, found: Dataset | None) -> str:
    if found is None:
        return say("none so far.")
    train, valid, liked = (found.counts.get(part, 0) for part in ("train", "valid", "description"))
    figures = {"version": found.id, "train": train, "valid": valid, "liked": liked}
    if found.kind == "preference":
        text = say("v{version}, {train:,} pairs to learn from, {valid:,} held out.", **figures)
    else:
        text = say(
            "v{version}, {train:,} texts ({liked:,} rated well by people) to learn from, {valid:,} held out.",
            **figures,
        )
    rebuild = say("A text had to be deleted from it: build it again.") if found.rebuild else ""
    return f"{text} {rebuild}".rstrip()


def _table(say: Language, status: Status) -> list[str]:
    """A row for each number of voters, a column for each share of ups; the tried ones are marked."""
    rows = [list(row) for _, row in groupby(status.around, key=lambda each: each[0].min_voters)]
    first = say("voters")
    head = f"{first}  " + "".join(f"{f'> {way.above:.0%}':>9}" for way, _ in rows[0])
    return [head, *(_row(say, row, status.tried, len(first)) for row in rows)]


def _row(say: Language, row: list[tuple[Thresholds, int]], tried: Thresholds, width: int) -> str:
    cells = (f"{'*' if way == tried else ''}{say('{number:,}', number=count)}" for way, count in row)
    return f"{row[0][0].min_voters:>{width}}  " + "".join(f"{cell:>9}" for cell in cells)
