"""The sequential test, against exact fractions and by simulation."""

import math
import random
from fractions import Fraction

import pytest

from bot.rating import sequential_test


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (8, 0), (31, 14), (200, 200), (3, 60)])
def test_evidence_is_the_beta_mixture_against_a_fair_coin(wins: int, losses: int) -> None:
    """B(w + 1, l + 1) is 1 / ((n + 1) (n over w)), exactly."""
    total = wins + losses
    expected = Fraction(2**total, (total + 1) * math.comb(total, wins))
    assert sequential_test.evidence(wins, losses) == pytest.approx(float(expected), rel=1e-9)


def test_no_votes() -> None:
    assert sequential_test.evidence(0, 0) == 1
    assert sequential_test.interval(0, 0) == (0, 1)
    assert sequential_test.still_needed(0, 0) is None


def test_eight_unanimous_votes_decide_and_seven_do_not() -> None:
    assert not sequential_test.decides(7, 0)
    assert sequential_test.decides(8, 0)
    assert sequential_test.decides(0, 8)
    assert not sequential_test.decides(9, 1)


def test_many_votes_do_not_overflow() -> None:
    assert sequential_test.decides(5000, 10)
    assert math.isfinite(sequential_test.evidence(5000, 10))


@pytest.mark.parametrize(("wins", "losses"), [(5, 5), (8, 0), (0, 3), (31, 14), (400, 380)])
def test_interval_ends_where_the_test_rejects_a_share(wins: int, losses: int) -> None:
    low, high = sequential_test.interval(wins, losses)
    total = wins + losses
    assert low <= wins / total <= high

    def against(share: float) -> float:
        """Return the evidence against a share; the mixture's mean likelihood is 1 / (n + 1) for any count."""
        likelihood = math.comb(total, wins) * Fraction(share) ** wins * Fraction(1 - share) ** losses
        return float(1 / (total + 1) / likelihood)

    assert low == 0 or against(low - 0.001) > sequential_test.EVIDENCE_THRESHOLD > against(low + 0.001)
    assert high == 1 or against(high + 0.001) > sequential_test.EVIDENCE_THRESHOLD > against(high - 0.001)


def test_interval_excludes_one_half_exactly_when_the_test_decides() -> None:
    for wins in range(40):
        for losses in range(40):
            low, high = sequential_test.interval(wins, losses)
            assert (low <= 0.5 <= high) != sequential_test.decides(wins, losses), (wins, losses)


def test_still_needed_decides_and_one_less_does_not() -> None:
    more = sequential_test.still_needed(6, 2)
    assert more
    assert sequential_test.log_evidence(0.75 * (8 + more), 0.25 * (8 + more)) >= math.log(
        sequential_test.EVIDENCE_THRESHOLD
    )
    assert sequential_test.log_evidence(0.75 * (7 + more), 0.25 * (7 + more)) < math.log(
        sequential_test.EVIDENCE_THRESHOLD
    )
    assert sequential_test.still_needed(8, 0) == 0
    assert sequential_test.still_needed(5, 5) is None


def test_fair_coin_rarely_decides_though_evaluated_after_every_vote() -> None:
    rng = random.Random(5)  # noqa: S311 (the same every time)
    decided = 0
    for _ in range(1000):
        wins = 0
        for number in range(1, 301):
            wins += rng.random() < 0.5
            if sequential_test.decides(wins, number - wins):
                decided += 1
                break
    assert decided <= 50  # Ville's bound; nearer to 25 are seen
