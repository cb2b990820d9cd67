"""Thresholds: which votes admit a description to datasets, and which keep it out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage

_MAX_FORECAST = 100  # votes that still_needed() looks ahead

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
