"""Tails and discoveries, compared with scipy's."""

import random

import numpy as np
import pytest
from scipy import stats

from bot.rating.significance import binomial_tail, discoveries


@pytest.mark.parametrize("trials", [1, 10, 97, 2_000, 100_000])
@pytest.mark.parametrize("rate", [0.0, 0.001, 0.05, 0.3, 0.5, 0.97, 1.0])
def test_the_tail_is_that_of_scipy(trials: int, rate: float) -> None:
    mean = round(trials * rate)
    near = {mean + step for step in (-30, -3, -1, 0, 1, 2, 5, 40)}
    for least in sorted({0, 1, trials // 2, trials, trials + 1, *near}):
        expected = float(stats.binom.sf(least - 1, trials, rate))
        assert binomial_tail(least, trials, rate) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_discoveries_are_those_of_scipy() -> None:
    draw = random.Random(3)  # noqa: S311 (a fixed seed)
    for _ in range(200):
        p_values = [draw.random() ** draw.choice([1, 4, 9]) for _ in range(draw.randint(1, 40))]
        expected = stats.false_discovery_control(np.array(p_values)) <= 0.05
        assert discoveries(p_values, 0.05) == expected.tolist()


def test_no_test_has_no_discovery() -> None:
    assert discoveries([], 0.05) == []
