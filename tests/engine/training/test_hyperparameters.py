"""Micro-batches bound the memory, and "auto" depends on the number of examples."""

from engine import hyperparameters


def test_micro_batches_hold_every_example_once_within_the_limit() -> None:
    padded = [60, 1000, 90, 120, 60, 90, 3000, 120] * 8
    parts = list(hyperparameters.micro_batches(range(64), padded))
    assert sorted(index for part in parts for index in part) == list(range(64))
    for part in parts:
        assert (
            len(part) == 1
            or len(part) * max(padded[index] for index in part) <= hyperparameters.MICRO_BATCH_TOKENS
        )
    assert len(parts) < 40


def test_short_examples_share_a_micro_batch() -> None:
    assert list(hyperparameters.micro_batches(range(8), [150] * 8)) == [list(range(8))]


def test_auto_depends_on_the_number_of_examples() -> None:
    settings = {"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": "auto"}
    few, many = [
        hyperparameters.resolve_auto("supervised", settings, examples, from_tuned=False)
        for examples in (40, 300)
    ]
    assert few == {"n_epochs": hyperparameters.EPOCHS, "batch_size": 4, "learning_rate_multiplier": 4.0}
    assert many == few | {"learning_rate_multiplier": 1.0}
    assert hyperparameters.resolve_auto("supervised", settings, 40, from_tuned=True) == many
    pairs = hyperparameters.resolve_auto("dpo", settings | {"beta": "auto"}, 40, from_tuned=True)
    assert (pairs["learning_rate_multiplier"], pairs["beta"]) == (1.0, hyperparameters.DPO_BETA)
