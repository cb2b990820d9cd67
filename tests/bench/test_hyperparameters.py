"""bench.engine.hyperparameters: the grid of a sweep, and its table."""

import argparse

import pytest

pytestmark = pytest.mark.xdist_group("torch")  # one process of the tests loads it, when the first test runs


def options(**given: object) -> argparse.Namespace:
    usual = {"weights": ["all", "adapter"], "ranks": [8, 64], "lora_rs": [False, True], "epochs": [2]}
    return argparse.Namespace(**usual | {"batches": [8], "rates": [1.0]} | given)


def test_ranks_and_scales_vary_for_adapters_only() -> None:
    from bench.engine.hyperparameters import grid

    points = grid(options())
    assert [(each.weights, each.lora_rank, each.lora_rs) for each in points] == [
        ("all", 16, False),
        ("adapter", 8, False),
        ("adapter", 8, True),
        ("adapter", 64, False),
        ("adapter", 64, True),
    ]
    assert [each.adapter.scale for each in points[3:]] == [0.5, 4.0]
    assert len(grid(options(rates=[1.0, 2.0], epochs=[2, 4]))) == 5 * 4


def test_the_table_tells_adapters_apart_and_names_the_best_epoch() -> None:
    from bench.engine.hyperparameters import GridPoint, SweepRun, table

    older = GridPoint.model_validate({"weights": "all", "multiplier": 1, "batch_size": 8, "epochs": 2})
    wide = older.model_copy(update={"weights": "adapter", "lora_rank": 64, "lora_rs": True})
    runs = [
        SweepRun(texts="a", point=older, seed=1, losses=[4.0, 2.5, 2.0], seconds=1.0),
        SweepRun(texts="a", point=wide, seed=1, losses=[4.0, 2.0, 3.0], seconds=1.0),
        SweepRun(texts="a", point=wide, seed=2, losses=[4.0, 3.0, 4.0], seconds=1.0),
    ]
    *_, first, second = table(runs)
    assert first == "| all | - | 0.0002 (1) | 2 | 8 | 4.000 2.500 2.000 | 2.000 (epoch 2) | 2.000 |"
    assert second == (
        "| adapter | 64, 4 (rs) | 0.001 (1) | 2 | 8 | 4.000 2.500 3.500 | 2.500 (epoch 1) | 3.000 4.000 |"
    )
