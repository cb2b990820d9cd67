"""The fit on votes: a taste is found, chance is not taken for one, and no text is told by its own hero."""

import random
from dataclasses import replace
from typing import Any

import pytest

from bot.ranking.logistic_regression import PENALTIES, Observation, VotesData, cross_validate, fit

NUMBER = 120


def observations(taste: float, *, seed: int = 5, heroes: int = NUMBER) -> list[Observation]:
    """Return texts with three votes each; the first of four features decides them by this much."""
    chance = random.Random(seed)  # noqa: S311 (votes, no secrets)
    found = []
    for number in range(NUMBER):
        features = tuple(chance.gauss(0, 1) for _ in range(4))
        is_better = features[0] * taste + chance.gauss(0, 1) > 0
        ups = 3 if is_better else 0
        found.append(Observation(features, ups, 3 - ups, f"hero {number % heroes}"))
    return found


def test_a_taste_is_found_in_texts_that_were_not_seen() -> None:
    data = VotesData(observations(taste=3.0))
    found = cross_validate(data)
    assert found.auc > 0.85
    assert 0.7 < found.low < found.auc < found.high <= 1
    fitted = fit(data)
    assert fitted.score((2.0, 0.0, 0.0, 0.0)) > 0 > fitted.score((-2.0, 0.0, 0.0, 0.0))
    assert abs(fitted.coefficients[0]) > 3 * max(map(abs, fitted.coefficients[1:]))


def test_random_votes_are_chance() -> None:
    found = [cross_validate(VotesData(observations(taste=0.0, seed=seed))) for seed in range(4)]
    assert all(each.low < 0.55 for each in found)
    assert sum(each.auc for each in found) / 4 == pytest.approx(0.5, abs=0.08)


def test_the_same_votes_give_the_same_fit_in_any_order() -> None:
    some = observations(taste=1.0)
    turned = VotesData(list(reversed(some)))
    assert fit(turned).coefficients == pytest.approx(fit(VotesData(some)).coefficients, abs=1e-6)
    assert cross_validate(turned).auc == pytest.approx(cross_validate(VotesData(some)).auc, abs=1e-6)


def test_what_tells_a_hero_apart_is_no_taste() -> None:
    """Each hero has features of its own and one verdict: a fit that has seen the hero would know it."""
    chance = random.Random(3)  # noqa: S311 (votes, no secrets)
    found = []
    for hero in range(20):
        features, ups = tuple(chance.gauss(0, 1) for _ in range(15)), hero % 2
        found += [Observation(features, ups, 1 - ups, f"hero {hero}")] * 6
    assert cross_validate(VotesData(found)).auc < 0.75
    apart = [replace(each, group=str(number)) for number, each in enumerate(found)]
    assert cross_validate(VotesData(apart)).auc > 0.85


@pytest.mark.parametrize("taste", [0.0, 1.0, 30.0])
def test_no_other_fit_has_a_lower_loss(taste: float) -> None:
    """Compare with the minimum that scipy finds of the same loss, from another start."""
    import numpy as np
    from scipy.optimize import minimize

    some = observations(taste)
    fitted = fit(VotesData(some))
    standard = (np.array([each.features for each in some]) - fitted.means) / np.array(fitted.scales)
    design = np.column_stack([standard.clip(-4, 4), np.ones(len(some))])
    ups, downs = (np.array([getattr(each, name) for each in some]) for name in ("ups", "downs"))

    def loss(weights: np.ndarray[Any, Any]) -> float:
        logits = design @ weights
        votes = ups * np.logaddexp(0, -logits) + downs * np.logaddexp(0, logits)
        return float(votes.sum() + fitted.penalty * (weights[:-1] ** 2).sum() / 2)

    found = minimize(loss, np.full(design.shape[1], 0.3), method="BFGS", options={"gtol": 1e-6}).x
    assert [*fitted.coefficients, fitted.intercept] == pytest.approx(found.tolist(), abs=2e-3)


def test_each_vote_counts() -> None:
    """Of two texts with the same features, the one with more votes decides."""
    many, few = Observation((1.0,), 0, 30, "a"), Observation((1.0,), 1, 0, "b")
    others = [Observation((-1.0,), 1, 0, f"c{number}") for number in range(20)]
    assert fit(VotesData([many, few, *others])).score((1.0,)) < 0


def test_a_feature_that_never_differs_does_no_harm() -> None:
    some = [
        Observation((*each.features, 7.0), each.ups, each.downs, each.group) for each in observations(2.0)
    ]
    fitted = fit(VotesData(some))
    assert fitted.coefficients[-1] == pytest.approx(0)
    assert fitted.score((0.0, 0.0, 0.0, 0.0, 1e9)) < 10


def test_an_odd_text_is_told_by_no_more_than_four_deviations() -> None:
    fitted = fit(VotesData(observations(taste=3.0)))
    assert fitted.score((100.0, 0, 0, 0)) == fitted.score((1000.0, 0, 0, 0))


@pytest.mark.parametrize("taste", [0.0, 3.0])
def test_the_penalty_is_one_of_those_that_are_tried(taste: float) -> None:
    assert fit(VotesData(observations(taste))).penalty in PENALTIES
    assert fit(VotesData(observations(0.0))).penalty >= fit(VotesData(observations(3.0))).penalty
