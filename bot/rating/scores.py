"""Scores: admission of descriptions to datasets, and their ranking for people, from the counted votes."""

import asyncio
import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.rating.vote_filter import VoteFilter
from bot.store import descriptions, scores, teams
from bot.store.database import Database
from bot.store.descriptions import Description
from bot.store.scores import CountingRule, DescriptionVotes, VoteTotals

PAGE = 5  # descriptions

_MAX_FORECAST = 100  # votes that still_needed() looks ahead
_RANKING_LIFETIME = 600.0  # seconds for which the filter's rule and the prior serve rankings

Verdict = Literal["admitted", "voted down", "open"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a description is admitted to datasets.

    Admitted: at least min_voters votes, and the lower bound of Wilson's interval for the share of ups, at
    this two-sided confidence, lies above `above`. Voted down: as many votes, and the upper bound lies below
    1/2. By the defaults 2 ups of 2 votes and 4 of 5 admit; 1 of 2, 2 of 3 and 3 of 4 do not. As many downs
    vote down. Raises UserError if a value is out of range: min_voters >= 1, 0 <= above < 1,
    0 < confidence < 1.
    """

    min_voters: int = 2
    above: float = 0.5
    confidence: float = 0.8

    def __post_init__(self) -> None:
        if self.min_voters < 1:
            raise UserError("The number of voters must be 1 or more.")
        if not 0 <= self.above < 1:
            raise UserError("The share of thumbs up must be between 0 and 1, for example 0.5.")
        if not 0 < self.confidence < 1:
            raise UserError("The confidence must be between 0 and 1, for example 0.8.")

    def verdict(self, ups: int, downs: int) -> Verdict:
        """Return the verdict of these votes."""
        if ups + downs < self.min_voters:
            return "open"
        low, high = interval(ups, downs, self.confidence)
        if low > self.above:
            return "admitted"
        return "voted down" if high < 0.5 else "open"

    def admits(self, ups: int, downs: int) -> bool:
        return self.verdict(ups, downs) == "admitted"

    @property
    def fewest_ups(self) -> int:
        """How many ups admit a description that nobody votes down: where Wilson's n / (n + z^2) > above."""
        z = NormalDist().inv_cdf((1 + self.confidence) / 2)
        return max(self.min_voters, math.floor(self.above * z * z / (1 - self.above)) + 1)

    def still_needed(self, ups: int, downs: int) -> int | None:
        """Return how many more ups would admit; None if more than 100."""
        return next((more for more in range(_MAX_FORECAST + 1) if self.admits(ups + more, downs)), None)

    def neighbours(self) -> Iterator["Thresholds"]:
        """Yield these thresholds between looser and stricter ones, by min_voters, then by above."""
        for voters in range(max(1, self.min_voters - 1), self.min_voters + 2):
            for above in (self.above - 0.1, self.above, self.above + 0.1):
                if 0 <= above < 1:
                    yield Thresholds(voters, round(above, 3), self.confidence)

    @property
    def summary(self) -> LocalizedMessage:
        """The thresholds in words."""
        return LocalizedMessage.counted(
            "at least {number} voter and, with {confidence:.0%} confidence, more than {above:.0%} of "
            "votes in favour",
            "at least {number} voters and, with {confidence:.0%} confidence, more than {above:.0%} of "
            "votes in favour",
            self.min_voters,
            confidence=self.confidence,
            above=self.above,
        )


@lru_cache(maxsize=100_000)
def interval(ups: int, downs: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval for the share of ups: both bounds, 0 to 1. Needs at least one vote.

    For n votes with share s of ups, and z the normal quantile at (1 + confidence) / 2, the bounds are

        (s + z^2 / 2n ± z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    (Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927).
    """
    number = ups + downs
    share, z = ups / number, NormalDist().inv_cdf((1 + confidence) / 2)
    middle = share + z * z / (2 * number)
    half = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    scale = 1 + z * z / number
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


@dataclass(frozen=True, slots=True)
class Prior:
    """The belief about a description before its first vote: `weight` votes, a share `mean` of them ups."""

    weight: float
    mean: float

    def posterior_mean(self, ups: int, downs: int) -> float:
        """Return the Bayesian average (weight mean + ups) / (weight + ups + downs), 0 to 1.

        It is the mean of the beta posterior: near the prior's mean after few votes, near the share of ups
        after many.
        """
        return (self.weight * self.mean + ups) / (self.weight + ups + downs)


@dataclass(frozen=True, slots=True)
class VoteSnapshot:
    """Every description's counted votes at one moment, the rule by which they count, and the other votes."""

    rule: CountingRule
    descriptions: tuple[DescriptionVotes, ...]
    totals: VoteTotals
    not_counted: tuple[LocalizedMessage, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A ranked description: its Bayesian average (0 to 1), its counted votes, and a team's heroes."""

    description: Description
    score: float
    ups: int
    downs: int
    team: Sequence[Hero] = ()


class Scores:
    """Computes scores from the votes that count."""

    def __init__(self, db: Database, vote_filter: VoteFilter) -> None:
        self._db = db
        self._vote_filter = vote_filter
        self._ranking: tuple[float, CountingRule, Prior] | None = None
        self._ranking_lock = asyncio.Lock()

    async def snapshot(self) -> VoteSnapshot:
        """Return all counted votes of this moment."""
        async with self._db.read() as tx:
            rule = await self._vote_filter.rule(tx)
            counted, kept = await scores.list_description_votes(tx, rule), await scores.count_votes(tx, rule)
        return VoteSnapshot(rule, tuple(counted), kept, self._vote_filter.uncounted_by_reason(kept))

    async def votes_on(self, description_id: int) -> tuple[int, int]:
        """Return the votes up and down of a description that count, those of outliers among them.

        This is what voters are told. Without the outliers it would show them that their votes do not count,
        and take the votes of everybody.
        """
        async with self._db.read() as tx:
            return await scores.get_description_votes(tx, self._vote_filter.lenient_rule, description_id)

    async def uncounted_reason(self, description_id: int, voter: str) -> LocalizedMessage | None:
        """Return why a voter's (a pseudonym's) vote does not count; None if it counts."""
        async with self._db.read() as tx:
            return await self._vote_filter.uncounted_reason(tx, description_id, voter)

    async def best(
        self, *, guild_id: int | None = None, powers: Collection[str] | None = None, page: int = 0
    ) -> list[Scored]:
        """Return a page (from 0) of the best-rated heroes and teams of a server and of some powers.

        None means all. They are ranked by the Bayesian average that people see beside them, then by the
        number of votes, then newest first. The prior is estimated over all servers; it and the filter's rule
        may be ten minutes old, the votes are current. Returns PAGE + 1 descriptions if another page follows.
        """
        rule, prior = await self._ranking_basis()
        async with self._db.read() as tx:
            ranked = await scores.list_best(
                tx,
                rule,
                prior=(prior.weight, prior.mean),
                guild_id=guild_id,
                powers=powers,
                offset=page * PAGE,
                limit=PAGE + 1,
            )
            found = await descriptions.get_many(tx, [entry.description_id for entry in ranked])
            of_teams = await teams.list_heroes(tx, [each.id for each in found if each.kind == "team"])
        by_id = {description.id: description for description in found}
        return [
            Scored(
                by_id[entry.description_id],
                prior.posterior_mean(entry.ups, entry.downs),
                entry.ups,
                entry.downs,
                of_teams.get(entry.description_id, ()),
            )
            for entry in ranked
        ]

    async def _ranking_basis(self) -> tuple[CountingRule, Prior]:
        async with self._ranking_lock:  # those who ask at the same time wait for one computation
            now = time.monotonic()
            if self._ranking is None or now - self._ranking[0] > _RANKING_LIFETIME:
                async with self._db.read() as tx:
                    rule = await self._vote_filter.rule(tx)
                    votes = await scores.list_description_votes(tx, rule)
                self._ranking = (now, rule, estimate_prior(votes))
            return self._ranking[1:]


def estimate_prior(tallies: list[DescriptionVotes]) -> Prior:
    """Return the prior that all votes give: the share of ups, weighed as the average votes per description.

    Without any votes, two votes that balance each other.
    """
    ups = sum(tally.ups for tally in tallies)
    votes = sum(tally.ups + tally.downs for tally in tallies)
    return Prior(votes / len(tallies), ups / votes) if votes else Prior(2.0, 0.5)
