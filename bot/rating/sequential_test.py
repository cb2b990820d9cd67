"""Sequential test, the promotion rule: is one of two models preferred? It may be evaluated after every vote.

Of n = w + l counted results w are wins and l are losses. Under the null hypothesis that neither model is
preferred, each result is a fair coin. With a prior over the share p of wins, fixed before the first result,
the Bayes factor

    e = integral from 0 to 1 of p^w (1 - p)^l prior(p) dp / (1/2)^n

is a non-negative martingale that starts at 1 under the null hypothesis, so it ever exceeds 20 with a
probability of at most 1/20 (Ville 1939; Ramdas, Grunwald, Vovk and Shafer, "Game-theoretic statistics and
safe anytime-valid inference", Statistical Science 2023). Any prior keeps that bound; it only sets which
preferences are found soonest. A Beta(a, b) distribution makes the integral B(a + w, b + l) / B(a, b), and a
prior of several of them the average. See docs/rating.md.

math.lgamma gives the same digits as scipy's betaln without its import on the bot's event loop.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from bot.store.trials import Test

EVIDENCE_THRESHOLD = 20.0  # decides a trial; wrong in at most 1 of 20 if neither model is preferred
CONFIDENCE = 1 - 1 / EVIDENCE_THRESHOLD  # of interval()

_RESOLUTION = 10_000  # steps between 0 and 1 in which interval() searches
_MAX_FORECAST = 20_000  # results that still_needed() looks ahead


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """A test whose prior is the average of Beta distributions, given as pairs (a, b).

    With each (a, b) the prior has (b, a), too: neither model is favoured.
    """

    prior: tuple[tuple[int, int], ...]

    def log_evidence(self, wins: float, losses: float) -> float:
        """Return ln e. Fractional counts serve to look ahead."""
        logs = [_log_beta(a + wins, b + losses) - _log_beta(a, b) for a, b in self.prior]
        most = max(logs)  # taken out of the sum, so that no power underflows
        average = math.fsum(math.exp(each - most) for each in logs) / len(logs)
        return most + math.log(average) + (wins + losses) * math.log(2)

    def evidence(self, wins: int, losses: int) -> float:
        """Return e: how much likelier the results are under some preference than under none.

        1 without results. Bounded by exp(700), because a float overflows soon after.
        """
        return math.exp(min(self.log_evidence(wins, losses), 700.0))

    def decides(self, wins: int, losses: int) -> bool:
        """Return whether e has reached EVIDENCE_THRESHOLD. The side with more results has then won."""
        return self.log_evidence(wins, losses) >= math.log(EVIDENCE_THRESHOLD)

    def interval(self, wins: int, losses: int) -> tuple[float, float]:
        """Return the 95% confidence sequence for the share of wins, 0 to 1; (0, 1) without results.

        It holds every share p0 that the same test, with p0 in place of 1/2, does not reject. However often it
        is evaluated, the true share lies in all of the intervals with a probability of at least 95%.
        """
        total = wins + losses
        if not total:
            return 0.0, 1.0
        best = round(_RESOLUTION * wins / total)

        def possible(step: int) -> bool:
            return self._is_possible(step / _RESOLUTION, wins, losses)

        low = bisect_left(range(best), True, key=possible)
        high = bisect_left(range(best, _RESOLUTION), True, key=lambda step: not possible(step))
        return max(0, low - 1) / _RESOLUTION, (best + high) / _RESOLUTION

    def still_needed(self, wins: int, losses: int) -> int | None:
        """Return how many more results would decide if the share of wins stays as it is.

        None without results, at a tie, and if more than 20,000 would be needed.
        """
        total = wins + losses
        if not total or wins == losses:
            return None
        share = wins / total

        def decided_after(more: int) -> bool:
            results = total + more
            log_evidence = self.log_evidence(share * results, results - share * results)
            return log_evidence >= math.log(EVIDENCE_THRESHOLD)

        more = bisect_left(range(_MAX_FORECAST), True, key=decided_after)
        return more if more < _MAX_FORECAST else None

    def fewest_results(self) -> int:
        """Return how many results decide if all are alike."""
        return next(number for number in count(1) if self.decides(number, 0))

    def fragility(self, wins: int, losses: int) -> int:
        """Return how many results of the side ahead would have to be the other's, so that e is below 20.

        0 if it is already. Of as many results e is least if both sides have half of them.
        """
        more, fewer = max(wins, losses), min(wins, losses)
        return next(number for number in count() if not self.decides(more - number, fewer + number))

    def _is_possible(self, share: float, wins: int, losses: int) -> bool:
        if (share == 0 and wins) or (share == 1 and losses):
            return False
        total = wins + losses
        likelihood = (wins * math.log(share) if wins else 0.0) + (
            losses * math.log1p(-share) if losses else 0.0
        )
        against = self.log_evidence(wins, losses) - total * math.log(2) - likelihood
        return against < math.log(EVIDENCE_THRESHOLD)


# By the name that a trial's row has. bimodal looks for preferences of about 65%, for either model: it decides
# sooner at 60% to 70%, and later from 75% on. uniform decides the trials that began before it.
TESTS: Mapping[Test, SequentialTest] = {
    "uniform": SequentialTest(((1, 1),)),
    "bimodal": SequentialTest(((20, 11), (11, 20))),
}
NEW_TRIALS: Test = "bimodal"


def to_be_level(wins: int, losses: int) -> int:
    """Return how many results of the side ahead would have to be the other's, so that it leads no more."""
    return (abs(wins - losses) + 1) // 2


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
