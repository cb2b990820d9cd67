"""Significance of counts: the upper tail of a binomial distribution, and which of many tests are significant.

math.lgamma and a sum give the digits of scipy's binom.sf, which is compared with them in tests: scipy alone
would be a fifth of the packages that the bot needs, and takes a second to load.
"""

import math
from collections.abc import Sequence

_NEGLIGIBLE = 1e-17  # a term of this share of the sum no longer changes it


def binomial_tail(least: int, trials: int, rate: float) -> float:
    """Return P(X >= least) for X ~ Binomial(trials, rate). 0 <= rate <= 1."""
    if least <= 0 or rate >= 1:
        return 1.0 if least <= trials else 0.0
    if least > trials or rate <= 0:
        return 0.0
    if least <= trials * rate:  # the other tail is the shorter sum
        return 1.0 - binomial_tail(trials - least + 1, trials, 1.0 - rate)
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(least + 1)
        - math.lgamma(trials - least + 1)
        + least * math.log(rate)
        + (trials - least) * math.log1p(-rate)
    )
    total = term
    for successes in range(least, trials):  # above the mean, each term is smaller than the one before
        term *= (trials - successes) / (successes + 1) * rate / (1 - rate)
        total += term
        if term <= _NEGLIGIBLE * total:
            break
    return total


def discoveries(p_values: Sequence[float], false_discovery_rate: float) -> list[bool]:
    """Return which tests are significant by the procedure of Benjamini and Hochberg (1995)."""
    allowed = false_discovery_rate / max(1, len(p_values))
    significant = [value for rank, value in enumerate(sorted(p_values), 1) if value <= rank * allowed]
    threshold = max(significant, default=-1.0)
    return [value <= threshold for value in p_values]
