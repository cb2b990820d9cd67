"""Scores: Wilson's bounds and the Bayesian average."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.rating.scores import Prior, estimate_prior
from bot.rating.thresholds import Thresholds, interval

counts = st.integers(min_value=0, max_value=300)
confidences = st.sampled_from([0.5, 0.8, 0.95])


def test_default_thresholds() -> None:
    verdicts = {
        (ups, downs): Thresholds().verdict(ups, downs)
        for ups, downs in ((0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (3, 1), (4, 1), (0, 1), (0, 2), (1, 4))
    }
    assert verdicts == {
        (0, 0): "open",
        (1, 0): "open",
        (2, 0): "admitted",
        (1, 1): "open",
        (2, 1): "open",
        (3, 1): "open",
        (4, 1): "admitted",
        (0, 1): "open",
        (0, 2): "voted down",
        (1, 4): "voted down",
    }


@given(st.integers(1, 5), st.floats(0, 0.95), confidences)
def test_fewest_ups_are_the_first_that_admit(voters: int, above: float, confidence: float) -> None:
    thresholds = Thresholds(voters, above, confidence)
    fewest = thresholds.fewest_ups
    if not math.isclose(interval(fewest, 0, confidence)[0], above):
        assert fewest == thresholds.still_needed(0, 0)


def test_more_votes_against_need_more_votes_for() -> None:
    needed = [Thresholds().still_needed(1, downs) for downs in range(4)]
    assert needed == [1, 3, 5, 7]
    assert Thresholds().still_needed(0, 300) is None


@given(counts, counts, confidences)
def test_interval_is_wilsons_formula(ups: int, downs: int, confidence: float) -> None:
    votes = ups + downs
    if not votes:
        return
    z = {0.5: 0.6744897501960817, 0.8: 1.2815515655446004, 0.95: 1.959963984540054}[confidence]
    share = ups / votes
    middle = (share + z * z / (2 * votes)) / (1 + z * z / votes)
    half = z / (1 + z * z / votes) * math.sqrt(share * (1 - share) / votes + z * z / (4 * votes * votes))
    assert interval(ups, downs, confidence) == pytest.approx((middle - half, middle + half), abs=1e-9)


@given(counts, counts, st.integers(1, 5), st.floats(0, 0.95), confidences)
def test_another_up_never_lowers_the_verdict(
    ups: int, downs: int, voters: int, above: float, confidence: float
) -> None:
    thresholds = Thresholds(voters, above, confidence)
    rank = {"voted down": 0, "open": 1, "admitted": 2}
    before, after = thresholds.verdict(ups, downs), thresholds.verdict(ups + 1, downs)
    if ups + downs >= voters:
        assert rank[after] >= rank[before]
    if before != "open":
        assert ups + downs >= voters
    if above >= 0.5:  # as many for it as against it is no verdict
        assert thresholds.verdict(ups, ups) == "open"


@given(st.lists(st.tuples(counts, counts).filter(any), min_size=1, max_size=20))
def test_bayesian_average_lies_between_prior_and_share(votes: list[tuple[int, int]]) -> None:
    prior = estimate_prior(len(votes), sum(ups for ups, _ in votes), sum(downs for _, downs in votes))
    for ups, downs in votes:
        share = ups / (ups + downs)
        low, high = sorted((prior.mean, share))
        assert low - 1e-9 <= prior.posterior_mean(ups, downs) <= high + 1e-9
    assert prior.posterior_mean(0, 0) == pytest.approx(prior.mean)


def test_few_votes_weigh_little() -> None:
    prior = Prior(weight=5, mean=0.6)
    assert prior.posterior_mean(1, 0) < prior.posterior_mean(90, 10)
    assert estimate_prior(0, 0, 0).posterior_mean(0, 0) == 0.5


def test_thresholds_out_of_range_are_refused() -> None:
    for values in ((0, 0.5, 0.8), (2, 1.0, 0.8), (2, float("nan"), 0.8), (2, 0.5, 1.0)):
        with pytest.raises(UserError):
            Thresholds(*values)


def test_neighbours_surround_the_thresholds() -> None:
    neighbours = list(Thresholds(1, 0.05, 0.8).neighbours())
    assert [(each.min_voters, each.above) for each in neighbours] == [
        (1, 0.05),
        (1, 0.15),
        (2, 0.05),
        (2, 0.15),
    ]
    assert Thresholds(1, 0.05, 0.8) in neighbours
