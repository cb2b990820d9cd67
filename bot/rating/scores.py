"""Scores: what the counted votes say of a description, to a dataset and to people."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.rating.vote_filter import VoteFilter
from bot.store import descriptions, scores
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.scores import DescriptionVotes, Kept, Rule

PAGE = 5  # descriptions

_FRESH = 600.0  # seconds for which the guard's rule serves rankings

Verdict = Literal["admitted", "voted down", "open"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What admits a description: so many voters, and a share of ups that certainly lies above `above`.

    "Certainly" is the lower bound of Wilson's interval at this confidence. A description is voted down where
    the interval's upper bound lies below a half. By the defaults two of two ups admit, one of two and two of
    three do not, nor three of four; four of five do. As many downs vote down.
    """

    min_voters: int = 2
    above: float = 0.5
    confidence: float = 0.8

    def __post_init__(self) -> None:
        if self.min_voters < 1:
            raise UserError("At least one voter must be asked for.")
        if not 0 <= self.above < 1:
            raise UserError("The share of ups must lie between 0 and 1, for example 0.5.")
        if not 0 < self.confidence < 1:
            raise UserError("The confidence must lie between 0 and 1, for example 0.8.")

    def verdict(self, ups: int, downs: int) -> Verdict:
        if ups + downs < self.min_voters:
            return "open"
        low, high = interval(ups, downs, self.confidence)
        if low > self.above:
            return "admitted"
        return "voted down" if high < 0.5 else "open"

    def admits(self, ups: int, downs: int) -> bool:
        return self.verdict(ups, downs) == "admitted"

    def neighbours(self) -> Iterator["Thresholds"]:
        """These thresholds between looser and stricter ones, row by row of as many voters."""
        for voters in range(max(1, self.min_voters - 1), self.min_voters + 2):
            for above in (self.above - 0.1, self.above, self.above + 0.1):
                if 0 <= above < 1:
                    yield Thresholds(voters, round(above, 3), self.confidence)

    @property
    def summary(self) -> LocalizedMessage:
        """What they ask for."""
        return LocalizedMessage.counted(
            "at least {number} voter, and with {confidence:.0%} confidence more than {above:.0%} for it",
            "at least {number} voters, and with {confidence:.0%} confidence more than {above:.0%} for it",
            self.min_voters,
            confidence=self.confidence,
            above=self.above,
        )


@lru_cache(maxsize=100_000)
def interval(ups: int, downs: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval (both bounds, 0 to 1) for the share of ups; there is at least one vote."""
    from scipy.stats import binomtest  # noqa: PLC0415 (where it is used)

    bounds = binomtest(ups, ups + downs).proportion_ci(confidence, method="wilson")
    return float(bounds.low), float(bounds.high)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a description before its first vote: `weight` votes of this mean."""

    weight: float
    mean: float

    def posterior_mean(self, ups: int, downs: int) -> float:
        """The Bayesian average: few votes say little, many say all."""
        return (self.weight * self.mean + ups) / (self.weight + ups + downs)


@dataclass(frozen=True, slots=True)
class VoteSnapshot:
    """Every description's counted votes at one moment, the rule by which they count, and what does not."""

    rule: Rule
    descriptions: tuple[DescriptionVotes, ...]
    kept: Kept
    not_counted: tuple[LocalizedMessage, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A description as people see it ranked: its Bayesian average (0 to 1) and its counted votes."""

    description: Description
    score: float
    ups: int
    downs: int


class Scores:
    """Reads scores off the votes that count."""

    def __init__(self, db: Database, vote_filter: VoteFilter) -> None:
        self._db = db
        self._guard = vote_filter
        self._ranking: tuple[float, Rule, Prior] | None = None

    async def snapshot(self) -> VoteSnapshot:
        """All there is, of this moment."""
        async with self._db.read() as tx:
            rule = await self._guard.rule(tx)
            tallies, kept = await scores.tallies(tx, rule), await scores.kept(tx, rule)
        return VoteSnapshot(rule, tuple(tallies), kept, self._guard.describe(kept))

    async def best(
        self, *, guild_id: int | None = None, powers: Collection[str] | None = None, page: int = 0
    ) -> list[Scored]:
        """The best-rated descriptions of a server and of some powers (None: of all), from page 0 on.

        They are ranked by the Bayesian average that people see beside them, so the order is the figures';
        between equals more votes come first, then the newer text. The prior is that of all servers: its mean
        the share of ups among all counted votes, its weight the votes that a rated description has on
        average. It and the guard's rule may be ten minutes old, the votes are of now. One more than PAGE
        comes where another page follows.
        """
        async with self._db.read() as tx:
            rule, prior = await self._rankable(tx)
            found = await scores.best(
                tx,
                rule,
                prior=(prior.weight, prior.mean),
                guild_id=guild_id,
                powers=powers,
                skip=page * PAGE,
                most=PAGE + 1,
            )
            shown = await descriptions.get_many(tx, [each.description_id for each in found])
        by_id = {each.id: each for each in shown}
        return [
            Scored(
                by_id[each.description_id], prior.posterior_mean(each.ups, each.downs), each.ups, each.downs
            )
            for each in found
        ]

    async def _rankable(self, tx: Transaction) -> tuple[Rule, Prior]:
        now = time.monotonic()
        if self._ranking is None or now - self._ranking[0] > _FRESH:
            rule = await self._guard.rule(tx)
            self._ranking = (now, rule, estimate_prior(await scores.tallies(tx, rule)))
        return self._ranking[1:]


def estimate_prior(tallies: list[DescriptionVotes]) -> Prior:
    """The prior that all votes give; without any, two votes that balance each other."""
    ups, votes = sum(each.ups for each in tallies), sum(each.ups + each.downs for each in tallies)
    return Prior(votes / len(tallies), ups / votes) if votes else Prior(2.0, 0.5)
