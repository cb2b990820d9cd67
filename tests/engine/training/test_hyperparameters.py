"""How a batch is cut so that memory is bounded."""

from engine import hyperparameters


def test_parts_hold_every_example_once_and_never_too_much() -> None:
    padded = [60, 1000, 90, 120, 60, 90, 3000, 120] * 8
    parts = list(hyperparameters.parts(range(64), padded))
    assert sorted(index for part in parts for index in part) == list(range(64))
    for part in parts:
        assert (
            len(part) == 1
            or len(part) * max(padded[index] for index in part) <= hyperparameters.TOKENS_AT_ONCE
        )
    assert len(parts) < 40


def test_short_examples_share_a_part() -> None:
    assert list(hyperparameters.parts(range(8), [150] * 8)) == [list(range(8))]


def test_auto_suits_the_number_of_examples() -> None:
    shown = {"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": "auto"}
    few, many = [
        hyperparameters.resolve("supervised", shown, examples, further=False) for examples in (40, 300)
    ]
    assert few == {"n_epochs": hyperparameters.EPOCHS, "batch_size": 4, "learning_rate_multiplier": 4.0}
    assert many == few | {"learning_rate_multiplier": 1.0}
    assert hyperparameters.resolve("supervised", shown, 40, further=True) == many
    pairs = hyperparameters.resolve("dpo", shown | {"beta": "auto"}, 40, further=True)
    assert (pairs["learning_rate_multiplier"], pairs["beta"]) == (1.0, hyperparameters.BETA)
