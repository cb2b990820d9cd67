"""Sequential test, the promotion rule: is one of two models preferred? It may be evaluated after every vote.

Of n = w + l counted results w are wins and l are losses. Under the null hypothesis that neither model is
preferred, each result is a fair coin. With a uniform prior over the share p of wins, the Bayes factor

    e = integral from 0 to 1 of p^w (1 - p)^l dp / (1/2)^n = B(w + 1, l + 1) 2^n

is a non-negative martingale that starts at 1 under the null hypothesis, so it ever exceeds 20 with a
probability of at most 1/20 (Ville 1939; Ramdas, Grunwald, Vovk and Shafer, "Game-theoretic statistics and
safe anytime-valid inference", Statistical Science 2023). See docs/rating.md.

math.lgamma gives the same digits as scipy's betaln without its import on the bot's event loop.
"""

import math
from bisect import bisect_left
from itertools import count

EVIDENCE_THRESHOLD = 20.0  # decides a trial; wrong in at most 1 of 20 if neither model is preferred
CONFIDENCE = 1 - 1 / EVIDENCE_THRESHOLD  # of interval()

_RESOLUTION = 10_000  # steps between 0 and 1 in which interval() searches
_MAX_FORECAST = 20_000  # results that still_needed() looks ahead


def log_evidence(wins: float, losses: float) -> float:
    """Return ln e, between -ln(n + 1) and n ln 2 - ln(n + 1). Fractional counts serve to look ahead."""
    total = wins + losses
    return math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(total + 2) + total * math.log(2)


def evidence(wins: int, losses: int) -> float:
    """Return e: how much likelier the results are under some preference than under none; 1 without results.

    Bounded by exp(700), because a float overflows soon after.
    """
    return math.exp(min(log_evidence(wins, losses), 700.0))


def decides(wins: int, losses: int) -> bool:
    """Return whether e has reached EVIDENCE_THRESHOLD. The side with more results has then won."""
    return log_evidence(wins, losses) >= math.log(EVIDENCE_THRESHOLD)


def interval(wins: int, losses: int) -> tuple[float, float]:
    """Return the 95% confidence sequence for the share of wins, 0 to 1; (0, 1) without results.

    It holds every share p0 that the same test, with p0 in place of 1/2, does not reject. However often it is
    evaluated, the true share lies in all of the intervals with a probability of at least 95%.
    """
    total = wins + losses
    if not total:
        return 0.0, 1.0
    best = round(_RESOLUTION * wins / total)

    def possible(step: int) -> bool:
        return _is_possible(step / _RESOLUTION, wins, losses)

    low = bisect_left(range(best), True, key=possible)
    high = bisect_left(range(best, _RESOLUTION), True, key=lambda step: not possible(step))
    return max(0, low - 1) / _RESOLUTION, (best + high) / _RESOLUTION


def still_needed(wins: int, losses: int) -> int | None:
    """Return how many more results would decide if the share of wins stays as it is.

    None without results, at a tie, and if more than 20,000 would be needed.
    """
    total = wins + losses
    if not total or wins == losses:
        return None
    share = wins / total

    def decided_after(more: int) -> bool:
        results = total + more
        return log_evidence(share * results, results - share * results) >= math.log(EVIDENCE_THRESHOLD)

    more = bisect_left(range(_MAX_FORECAST), True, key=decided_after)
    return more if more < _MAX_FORECAST else None


def fewest_results() -> int:
    """Return how many results decide if all are alike."""
    return next(number for number in count(1) if decides(number, 0))


def _is_possible(share: float, wins: int, losses: int) -> bool:
    if (share == 0 and wins) or (share == 1 and losses):
        return False
    total = wins + losses
    likelihood = (wins * math.log(share) if wins else 0.0) + (losses * math.log1p(-share) if losses else 0.0)
    return log_evidence(wins, losses) - total * math.log(2) - likelihood < math.log(EVIDENCE_THRESHOLD)
