"""Histogram: how many durations were at most so long, as Prometheus counts them."""

from bisect import bisect_left
from itertools import accumulate

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
SHORT_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 15.0)


class Histogram:
    """Counts durations, in seconds, by the bounds that they do not exceed."""

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        """bounds: in seconds, ascending; what is above the last one is counted, too."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Return each bound, the last one +Inf, with the number of durations that do not exceed it."""
        names = [*map(str, self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))
