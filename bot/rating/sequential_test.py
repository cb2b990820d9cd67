"""The sequential test: is one of two models preferred? It may be looked at after every vote.

Of n counted results w are won and l lost. Were neither preferred, each would be a fair coin, and

    e = integral of p^w (1 - p)^l dp / (1/2)^n = B(w + 1, l + 1) 2^n

would be a martingale that begins at 1: it exceeds 20 at any time with a probability of at most 1/20 (Ville).
See docs/rating.md. The standard library's log-gamma is all that it takes: the same digits as scipy's betaln,
without its import on the bot's event loop.
"""

import math
from bisect import bisect_left

EVIDENCE_THRESHOLD = (
    20.0  # the evidence at which a trial is decided: wrong in at most 1 of 20 where none is preferred
)

_STEPS = 10_000  # how finely a share is looked for
_MOST = 20_000  # results that a forecast looks ahead


def log_evidence(wins: float, losses: float) -> float:
    """The natural logarithm of e. Halves of a result are only of use to look ahead."""
    total = wins + losses
    return math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(total + 2) + total * math.log(2)


def evidence(wins: int, losses: int) -> float:
    """How much more likely some preference makes these results than none: e, 1 without results."""
    return math.exp(min(log_evidence(wins, losses), 700.0))  # beyond that a float ends


def decides(wins: int, losses: int) -> bool:
    """Whether the evidence suffices for the side that has won more."""
    return log_evidence(wins, losses) >= math.log(EVIDENCE_THRESHOLD)


def interval(wins: int, losses: int) -> tuple[float, float]:
    """The shares of wins that the results leave possible, 0 to 1; (0, 1) without results.

    All shares that the same test, put against that share in 1/2's place, does not refuse. However often it is
    looked at, the true share lies in all of the intervals with a probability of 95 % at least.
    """
    total = wins + losses
    if not total:
        return 0.0, 1.0
    best = round(_STEPS * wins / total)
    low = bisect_left(range(best), True, key=lambda at: _possible(at / _STEPS, wins, losses))
    high = bisect_left(range(best, _STEPS), True, key=lambda at: not _possible(at / _STEPS, wins, losses))
    return max(0, low - 1) / _STEPS, (best + high) / _STEPS


def still_needed(wins: int, losses: int) -> int | None:
    """How many more results would decide if they fell as these did; None where no end is in sight."""
    total = wins + losses
    if not total or wins == losses:
        return None
    share = wins / total

    def enough(more: int) -> bool:
        whole = total + more
        return log_evidence(share * whole, whole - share * whole) >= math.log(EVIDENCE_THRESHOLD)

    more = bisect_left(range(_MOST), True, key=enough)
    return more if more < _MOST else None


def _possible(share: float, wins: int, losses: int) -> bool:
    if (share == 0 and wins) or (share == 1 and losses):
        return False
    total = wins + losses
    chance = (wins * math.log(share) if wins else 0.0) + (losses * math.log1p(-share) if losses else 0.0)
    return log_evidence(wins, losses) - total * math.log(2) - chance < math.log(EVIDENCE_THRESHOLD)
