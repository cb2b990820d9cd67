"""How many descriptions some thresholds admit: counted in the database, by votes, vocabulary and curation."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.community.powers import Powers
from bot.dataset.versions.admission import OUTSIDE_VOCABULARY
from bot.dataset.versions.kept_verdicts import KeptVerdicts
from bot.rating.refreshed import Refreshed
from bot.rating.scores import CountedVotes, Scores, Thresholds
from bot.store import curation_verdicts
from bot.store.curation_verdicts import RatedGroup
from bot.store.database import Database

FEW_VOTES = 100_000  # which are counted in half a second, whenever somebody asks
_LIFETIME = 600.0  # seconds for which a count of more votes serves


@dataclass(frozen=True, slots=True)
class AdmissionCounts:
    """How many descriptions some thresholds admit and vote down.

    unfit: by reason, how many of those that the votes admit may not train. used: how many of the admitted
    ones a dataset has already.
    """

    admitted: int
    used: int
    voted_down: int
    unfit: Counter[str]


class RatedCounts:
    """All rated descriptions at one moment (seconds since 1970), by what decides about their admission.

    There may be many groups: what thresholds make of them is computed once.
    """

    def __init__(self, votes: CountedVotes, groups: Sequence[RatedGroup], at: float) -> None:
        self.votes = votes
        self.at = at
        self._groups = groups
        self._unjudged = {
            (group.ups, group.downs) for group in groups if group.in_vocabulary and not group.judged
        }
        self._counts: dict[Thresholds, AdmissionCounts] = {}

    def by(self, thresholds: Thresholds) -> AdmissionCounts:
        """Return what thresholds would admit."""
        if thresholds not in self._counts:
            self._counts[thresholds] = _count(self._groups, thresholds)
        return self._counts[thresholds]

    def lacks_verdicts(self, thresholds: Thresholds) -> bool:
        """Return whether the thresholds admit texts that curation has not judged yet."""
        return any(thresholds.admits(*pair) for pair in self._unjudged)


@asynccontextmanager
async def open_admission_counter(
    db: Database, scores: Scores, powers: Powers, verdicts: KeptVerdicts
) -> AsyncIterator["AdmissionCounter"]:
    """Open the counter, and end at last what it counts in the background."""
    counter = AdmissionCounter(db, scores, powers, verdicts)
    try:
        yield counter
    finally:
        await counter.aclose()


class AdmissionCounter:
    """Counts what thresholds admit.

    Up to 100,000 votes are counted whenever somebody asks. More of them are counted in the background, every
    ten minutes or, if that takes long, less often: only who asks first after a start waits for it.
    """

    def __init__(
        self,
        db: Database,
        scores: Scores,
        powers: Powers,
        verdicts: KeptVerdicts,
        *,
        few_votes: int = FEW_VOTES,
    ) -> None:
        """few_votes: how many are counted at once."""
        self._few_votes = few_votes
        self._db = db
        self._scores = scores
        self._powers = powers
        self._verdicts = verdicts
        self._counts = Refreshed[RatedCounts](lifetime=_LIFETIME, most=1)

    async def aclose(self) -> None:
        """End what is being counted in the background."""
        await self._counts.aclose()

    async def count(self, options: Sequence[Thresholds], *, dataset_id: int | None = None) -> RatedCounts:
        """Count the rated descriptions; the texts that any of these thresholds admit are judged by curation.

        dataset_id: whose texts count as used. The first time, judging takes a while: see KeptVerdicts.
        """
        powers = frozenset((await self._powers.vocabulary()).powers)
        key = (powers, dataset_id)

        async def compute() -> RatedCounts:
            return await self._compute(powers, dataset_id, options)

        kept = self._counts.kept(key)
        if kept is None or kept.votes.totals.votes <= self._few_votes or _lacks_verdicts(kept, options):
            return await self._counts.renew(key, compute)
        return await self._counts.get(key, compute)

    async def _compute(
        self, powers: frozenset[str], dataset_id: int | None, options: Sequence[Thresholds]
    ) -> RatedCounts:
        counted = await self._read(powers, dataset_id)
        if _lacks_verdicts(counted, options):
            async with self._db.read() as tx:
                unjudged = await curation_verdicts.list_unjudged(
                    tx,
                    counted.votes.rule,
                    powers=powers,
                    rules=self._verdicts.rules,
                    fewest_ups=min(thresholds.fewest_ups for thresholds in options),
                )
            await self._verdicts.judge_all(await asyncio.to_thread(_which_admitted, options, unjudged))
            counted = await self._read(powers, dataset_id)
        await asyncio.to_thread(lambda: [counted.by(thresholds) for thresholds in options])
        return counted

    async def _read(self, powers: frozenset[str], dataset_id: int | None) -> RatedCounts:
        async with self._db.read() as tx:
            at = time.time()
            votes = await self._scores.count(tx)
            groups = await curation_verdicts.count_groups(
                tx, votes.rule, powers=powers, rules=self._verdicts.rules, dataset_id=dataset_id
            )
        return RatedCounts(votes, groups, at)


def _count(groups: Sequence[RatedGroup], thresholds: Thresholds) -> AdmissionCounts:
    unfit: Counter[str] = Counter()
    admitted = used = voted_down = 0
    for group in groups:
        verdict = thresholds.verdict(group.ups, group.downs)
        if verdict == "voted down" and group.in_vocabulary:
            voted_down += group.size
        elif verdict == "admitted" and not group.in_vocabulary:
            unfit[OUTSIDE_VOCABULARY] += group.size
        elif verdict == "admitted" and group.reason is not None:
            unfit[group.reason] += group.size
        elif verdict == "admitted":
            admitted += group.size
            used += group.size if group.used else 0
    return AdmissionCounts(admitted, used, voted_down, unfit)


def _lacks_verdicts(counted: RatedCounts, options: Sequence[Thresholds]) -> bool:
    return any(counted.lacks_verdicts(thresholds) for thresholds in options)


def _which_admitted(options: Sequence[Thresholds], rated: Sequence[tuple[int, int, int]]) -> list[int]:
    return [id_ for id_, *votes in rated if any(thresholds.admits(*votes) for thresholds in options)]
