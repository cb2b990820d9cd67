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
    asked: dict[str, Any] = _AUTO | {"beta": "auto", "supervised_weight": "auto", "n_epochs": 3}
    pairs = hyperparameters.resolve_auto("dpo", "adapter", asked, 40, from_tuned=False)
    assert (pairs["learning_rate_multiplier"], pairs["beta"]) == (1.0, hyperparameters.BETA)
    assert pairs["supervised_weight"] == hyperparameters.SUPERVISED_WEIGHT
    assert pairs["n_epochs"] == 3


@pytest.mark.parametrize(
    ("wanted", "unwanted", "weights"),
    [(30, 10, (1.0, 3.0)), (10, 15, (1.5, 1.0)), (12, 12, (1.0, 1.0)), (1, 90, (10.0, 1.0))],
)
def test_auto_balances_the_labels(wanted: int, unwanted: int, weights: tuple[float, float]) -> None:
    asked = {"desirable_weight": "auto", "undesirable_weight": "auto"}
    labels = {True: wanted, False: unwanted}
    numbers = hyperparameters.resolve_auto("kto", "all", asked, 40, from_tuned=True, labels=labels)
    assert (numbers["desirable_weight"], numbers["undesirable_weight"]) == weights


def test_auto_keeps_the_adapter_that_is_trained_further() -> None:
    asked = {"lora_rank": "auto", "lora_rs": "auto"}
    adapter = hyperparameters.Adapter(rank=4, rs=True)
    numbers = hyperparameters.resolve_auto(
        "supervised", "adapter", asked, 40, from_tuned=True, adapter=adapter
    )
    assert numbers == {"lora_rank": 4, "lora_rs": True}
    first = hyperparameters.resolve_auto("supervised", "adapter", asked, 40, from_tuned=False)
    assert first == {"lora_rank": hyperparameters.LORA_RANK, "lora_rs": False}
    assert hyperparameters.resolve_auto("supervised", "all", asked, 40, from_tuned=False) == {}


def test_an_adapters_scale_is_that_of_peft() -> None:
    """LoRA divides alpha, which is 32, by the rank, and rsLoRA by its square root."""
    adapter = hyperparameters.Adapter
    assert (adapter(16).scale, adapter(64).scale, adapter(64, rs=True).scale) == (2.0, 0.5, 4.0)


def test_each_way_has_a_learning_rate_for_each_method() -> None:
    """An adapter's matrices are small and begin at zero: their steps are larger than those of all weights."""
    for rates in hyperparameters.LEARNING_RATES.values():
        assert 0 < rates["all"] < rates["adapter"]
