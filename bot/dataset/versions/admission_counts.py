"""How many descriptions some thresholds admit: counted in the database, by votes, vocabulary and curation."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.community.powers import Powers
from bot.dataset.versions.admission import OUTSIDE_VOCABULARY
from bot.dataset.versions.kept_counts import CountedGroups, KeptCounts
from bot.dataset.versions.kept_verdicts import KeptVerdicts
from bot.rating.scores import Scores, VoteNumbers
from bot.rating.thresholds import Thresholds
from bot.refreshed import Refreshed
from bot.store import curation_verdicts
from bot.store.curation_verdicts import RatedGroup, UnjudgedText
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

    There may be many groups: what thresholds make of them is computed once, in a thread.
    """

    def __init__(self, votes: VoteNumbers, groups: Sequence[RatedGroup], at: float) -> None:
        self.votes = votes
        self.at = at
        self._groups = groups
        self._unjudged = _unjudged_votes(groups)
        self._counts: dict[Thresholds, AdmissionCounts | None] = {}

    @property
    def groups(self) -> CountedGroups:
        """What was counted, before any thresholds."""
        return CountedGroups(self.votes.totals, self._groups, self.at)

    def by(self, thresholds: Thresholds) -> AdmissionCounts:
        """Return what thresholds would admit. Raises KeyError unless all of that was judged: see count()."""
        if (counts := self._counts[thresholds]) is None:
            raise KeyError(thresholds)
        return counts

    async def count(self, options: Sequence[Thresholds]) -> bool:
        """Count for by(); return whether curation has judged all texts that the thresholds admit."""
        if new := [each for each in options if each not in self._counts]:
            self._counts |= await asyncio.to_thread(lambda: {each: self._count(each) for each in new})
        return all(self._counts[each] is not None for each in options)

    def _count(self, thresholds: Thresholds) -> AdmissionCounts | None:
        if any(thresholds.admits(*pair) for pair in self._unjudged):
            return None
        return _count(self._groups, thresholds)


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
    ten minutes or, if that takes long, less often. The last counts are kept in the database and serve after a
    start: only who asks for the very first ones waits, or who asks after what they depend on has changed.
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
        self._kept = KeptCounts(db)

    async def aclose(self) -> None:
        """End what is being counted in the background."""
        await self._counts.aclose()

    async def count(self, options: Sequence[Thresholds], *, dataset_id: int | None = None) -> RatedCounts:
        """Count the rated descriptions; the texts that any of these thresholds admit are judged by curation.

        dataset_id: whose texts count as used. The first time, judging takes a while: see KeptVerdicts.
        """
        powers = frozenset((await self._powers.vocabulary()).powers)
        key = (tuple(sorted(powers)), dataset_id, self._verdicts.rules, self._scores.limits)

        async def compute() -> RatedCounts:
            counted = await self._compute(powers, dataset_id, options)
            if counted.votes.totals.votes > self._few_votes:
                await self._kept.put(key, counted.groups)
            return counted

        kept = self._counts.kept(key) or await self._kept_before(key)
        if kept is None or kept.votes.totals.votes <= self._few_votes:
            counted = await self._counts.renew(key, compute)
        else:
            counted = await self._counts.get(key, compute)
        while not await counted.count(options):  # it was counted for somebody who asked for other thresholds
            counted = await self._counts.renew(key, compute)
        return counted

    async def _kept_before(self, key: Hashable) -> RatedCounts | None:
        """Return what was counted before this start, or by another process; it serves until it is renewed."""
        found = await self._kept.get(key)
        if found is None:
            return None
        self._counts.put(
            key,
            max(0.0, time.time() - found.at),
            RatedCounts(self._scores.numbers(found.totals), found.groups, found.at),
        )
        return self._counts.kept(key)

    async def _compute(
        self, powers: frozenset[str], dataset_id: int | None, options: Sequence[Thresholds]
    ) -> RatedCounts:
        groups: Sequence[RatedGroup]
        unjudged = list[UnjudgedText]()
        rules = self._verdicts.rules
        async with self._db.read() as tx:  # one moment for all of it, while people go on voting
            at = time.time()
            votes = await self._scores.count(tx)
            groups = await curation_verdicts.count_groups(
                tx, votes.rule, powers=powers, rules=rules, dataset_id=dataset_id
            )
            admitted = await asyncio.to_thread(_which_admitted, options, _unjudged_votes(groups))
            if admitted:
                unjudged = await curation_verdicts.list_unjudged(
                    tx,
                    votes.rule,
                    powers=powers,
                    rules=rules,
                    dataset_id=dataset_id,
                    fewest_ups=min(ups for ups, _ in admitted),
                )
        if admitted:
            texts = [each for each in unjudged if (each.ups, each.downs) in admitted]
            reasons = await self._verdicts.judge_all([each.id for each in texts])
            groups = await asyncio.to_thread(_with_verdicts, groups, admitted, texts, reasons)
        counted = RatedCounts(votes, groups, at)
        await counted.count(options)
        return counted


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


def _unjudged_votes(groups: Sequence[RatedGroup]) -> set[tuple[int, int]]:
    """Return the ups and downs of texts that may train and that curation has not judged."""
    return {(group.ups, group.downs) for group in groups if group.in_vocabulary and not group.judged}


def _which_admitted(
    options: Sequence[Thresholds], votes: Collection[tuple[int, int]]
) -> set[tuple[int, int]]:
    return {pair for pair in votes if any(thresholds.admits(*pair) for thresholds in options)}


def _with_verdicts(
    groups: Sequence[RatedGroup],
    admitted: Collection[tuple[int, int]],
    texts: Sequence[UnjudgedText],
    reasons: Mapping[int, str | None],
) -> list[RatedGroup]:
    """Return the groups as they are now that all unjudged texts with the admitted votes have verdicts."""
    others = [
        group
        for group in groups
        if group.judged or not group.in_vocabulary or (group.ups, group.downs) not in admitted
    ]
    sizes = Counter(
        (each.ups, each.downs, reasons[each.id], each.used) for each in texts if each.id in reasons
    )
    return others + [
        RatedGroup(ups, downs, in_vocabulary=True, judged=True, reason=reason, used=used, size=size)
        for (ups, downs, reason, used), size in sizes.items()
    ]
