"""Micro-batches bound the memory; "auto" depends on what is tuned and on the number of examples."""

from typing import Any

import pytest

from engine import hyperparameters
from engine.training_request import TrainedWeights

_LIMIT = 2048


def test_micro_batches_hold_every_example_once_within_the_limit() -> None:
    padded = [60, 1000, 90, 120, 60, 90, 3000, 120] * 8
    parts = list(hyperparameters.micro_batches(range(64), padded, _LIMIT))
    assert sorted(index for part in parts for index in part) == list(range(64))
    for part in parts:
        assert len(part) == 1 or len(part) * max(padded[index] for index in part) <= _LIMIT
    assert len(parts) < 40


def test_short_examples_share_a_micro_batch() -> None:
    assert list(hyperparameters.micro_batches(range(8), [150] * 8, _LIMIT)) == [list(range(8))]


_AUTO = {"weights": "auto", "n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": "auto"}


@pytest.mark.parametrize(
    ("weights", "examples", "from_tuned", "multiplier"),
    [
        ("adapter", 40, False, 4.0),
        ("adapter", 40, True, 1.0),
        ("adapter", 379, False, 4.0),
        ("adapter", 600, False, 1.0),
        ("all", 40, False, 1.0),
        ("all", 300, True, 1.0),
    ],
)
def test_auto(weights: TrainedWeights, examples: int, from_tuned: bool, multiplier: float) -> None:
    numbers = hyperparameters.resolve_auto("supervised", weights, _AUTO, examples, from_tuned=from_tuned)
    assert numbers == {
        "weights": weights,
        "n_epochs": hyperparameters.EPOCHS,
        "batch_size": 4,
        "learning_rate_multiplier": multiplier,
    }


def test_auto_for_pairs() -> None:
    asked: dict[str, Any] = _AUTO | {"beta": "auto", "n_epochs": 3}
    pairs = hyperparameters.resolve_auto("dpo", "adapter", asked, 40, from_tuned=False)
    assert (pairs["learning_rate_multiplier"], pairs["beta"]) == (1.0, hyperparameters.DPO_BETA)
    assert pairs["n_epochs"] == 3


def test_each_way_has_a_learning_rate_for_each_method() -> None:
    """An adapter's matrices are small and begin at zero: their steps are larger than those of all weights."""
    for rates in hyperparameters.LEARNING_RATES.values():
        assert 0 < rates["all"] < rates["adapter"]
