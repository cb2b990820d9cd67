"""Logistic regression with a ridge penalty, cross-validated by group: how well it tells liked from disliked.

numpy does all of it: the loss is convex and has a few dozen unknowns, so the bot needs no scikit-learn. It is
imported on first use: the bot's start need not wait for it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""What is tried: half of it times the squared length of the coefficients is added to the loss."""

_FOLDS = 5
_FARTHEST = 4.0  # standard deviations that one feature can tell: an odd text must not outweigh all others
_RESAMPLES = 1000
_MOST_STEPS = 100
_CLOSE = 1e-9  # a step of Newton's method that changes nothing any more
_SEED = 20_261_201


@dataclass(frozen=True, slots=True)
class Observation:
    """One text: its features, its votes for and against, and the group that stays in one fold."""

    features: tuple[float, ...]
    ups: int
    downs: int
    group: str


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """How well texts were told apart that the fit had not seen.

    auc: the probability that a text with more votes for it scores above one with more against it; low and
    high: its 95 % interval, by resampling groups.
    """

    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model. coefficients: of the standardised features, whose means and scales are given."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    penalty: float

    def score(self, features: Sequence[float]) -> float:
        """Return the log-odds that a vote on a text with these features is for it."""
        terms = zip(features, self.means, self.scales, self.coefficients, strict=True)
        return self.intercept + sum(
            coefficient * max(-_FARTHEST, min(_FARTHEST, (value - mean) / scale))
            for value, mean, scale, coefficient in terms
        )


class VotesData:
    """Observations as arrays. A text with u votes for it and d against counts u times as 1 and d as 0."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        import numpy as np  # noqa: PLC0415 (imported on first use, as below)

        self.features: Array = np.array([each.features for each in observations], dtype=float)
        self.ups: Array = np.array([each.ups for each in observations], dtype=float)
        self.downs: Array = np.array([each.downs for each in observations], dtype=float)
        self.groups = [each.group for each in observations]

    @cached_property
    def folds(self) -> "Array":
        """The fold of each observation: the largest groups first, each into the fold that has the fewest."""
        import numpy as np  # noqa: PLC0415

        sizes = Counter(self.groups)
        order = sorted(sizes, key=lambda group: (-sizes[group], hashlib.sha256(group.encode()).digest()))
        number = min(_FOLDS, len(order))
        filled, fold_of = [0] * number, dict[str, int]()
        for group in order:
            fold_of[group] = min(range(number), key=filled.__getitem__)
            filled[fold_of[group]] += sizes[group]
        return np.array([fold_of[group] for group in self.groups])

    def take(self, rows: "Array") -> "VotesData":
        """Return some of the observations."""
        some = object.__new__(VotesData)
        some.features, some.ups, some.downs = self.features[rows], self.ups[rows], self.downs[rows]
        some.groups = [group for group, taken in zip(self.groups, rows, strict=True) if taken]
        return some


def fit(data: VotesData) -> Fit:
    """Fit with the penalty that predicts votes on other groups best. Needs two groups."""
    return _fit(data, _best_penalty(data))


def cross_validate(data: VotesData) -> CrossValidation:
    """Return how well texts of groups are told apart that a fit has not seen.

    The penalty is chosen anew for each fold, within the others: otherwise it would have seen the fold.
    Needs three groups, and texts with more votes for and with more against them.
    """
    import numpy as np  # noqa: PLC0415

    scores = np.empty(len(data.groups))
    for number in np.unique(data.folds):
        is_out = data.folds == number
        scores[is_out] = _scores(fit(data.take(~is_out)), data.features[is_out])
    decided = data.ups != data.downs
    liked, scores = (data.ups > data.downs)[decided], scores[decided]
    groups = [group for group, is_decided in zip(data.groups, decided, strict=True) if is_decided]
    low, high = _interval(liked, scores, groups)
    return CrossValidation(_auc(liked, scores), low, high)


def _best_penalty(data: VotesData) -> float:
    def loss(penalty: float) -> float:
        total = 0.0
        for number in set(data.folds.tolist()):
            is_out = data.folds == number
            if is_out.all():
                continue
            logits = _scores(_fit(data.take(~is_out), penalty), data.features[is_out])
            total += _loss(logits, data.ups[is_out], data.downs[is_out])
        return total

    return min(PENALTIES, key=loss)


def _fit(data: VotesData, penalty: float) -> Fit:
    import numpy as np  # noqa: PLC0415

    means, spread = data.features.mean(axis=0), data.features.std(axis=0)
    scales = np.where(spread > 1e-9, spread, 1.0)
    standard = np.clip((data.features - means) / scales, -_FARTHEST, _FARTHEST)
    votes = data.ups + data.downs
    # the intercept hardly: only so much that votes of one kind alone have a finite one
    ridge = np.append(np.full(standard.shape[1], penalty), 1e-3)
    design = np.column_stack([standard, np.ones(len(standard))])

    def penalised_loss(weights: "Array") -> float:
        return _loss(design @ weights, data.ups, data.downs) + float((ridge * weights * weights).sum()) / 2

    # Newton's method: the loss is convex, and the ridge keeps the equations solvable
    weights, loss = np.zeros(design.shape[1]), penalised_loss(np.zeros(design.shape[1]))
    for _ in range(_MOST_STEPS):
        likely = _sigmoid(design @ weights)
        gradient = design.T @ (votes * likely - data.ups) + ridge * weights
        curvature = (design.T * (votes * likely * (1 - likely))) @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        while (lower := penalised_loss(weights - step)) > loss and np.abs(step).max() > _CLOSE:
            step /= 2
        weights, loss = weights - step, lower
        if np.abs(step).max() <= _CLOSE:
            break
    *coefficients, intercept = weights.tolist()
    return Fit(tuple(means.tolist()), tuple(scales.tolist()), tuple(coefficients), intercept, penalty)


def _sigmoid(logits: "Array") -> "Array":
    import numpy as np  # noqa: PLC0415

    likely: Array = np.exp(-np.logaddexp(0, -logits))
    return likely


def _loss(logits: "Array", ups: "Array", downs: "Array") -> float:
    """Return the negative log-likelihood of votes, in nats."""
    import numpy as np  # noqa: PLC0415

    return float((ups * np.logaddexp(0, -logits) + downs * np.logaddexp(0, logits)).sum())


def _scores(fitted: Fit, features: "Array") -> "Array":
    import numpy as np  # noqa: PLC0415

    standard = np.clip((features - np.array(fitted.means)) / np.array(fitted.scales), -_FARTHEST, _FARTHEST)
    scores: Array = standard @ np.array(fitted.coefficients) + fitted.intercept
    return scores


def _auc(liked: "Array", scores: "Array") -> float:
    """Return the area under the ROC curve: the share of pairs in the right order, ties as half a pair."""
    import numpy as np  # noqa: PLC0415

    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]
    positive = int(liked.sum())
    negative = len(liked) - positive
    return float((ranks[liked].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _interval(liked: "Array", scores: "Array", groups: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % interval of the AUC, by resampling whole groups: the texts of one are alike."""
    import numpy as np  # noqa: PLC0415

    names = sorted(set(groups))
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of[group] for group in groups])
    rows = [np.flatnonzero(numbers == number) for number in range(len(names))]
    chance = np.random.default_rng(_SEED)
    found = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([rows[number] for number in chance.integers(0, len(names), len(names))])
        if 0 < liked[drawn].sum() < len(drawn):
            found.append(_auc(liked[drawn], scores[drawn]))
    low, high = np.quantile(found, [0.025, 0.975]) if found else (0.0, 1.0)
    return float(low), float(high)
