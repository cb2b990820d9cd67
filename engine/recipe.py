"""The training recipe: every number that decides how a model is tuned, without the tensors.

Measured with the packaged 135M weights on chat examples of about 130 tokens.
"""

import math
import random
from collections.abc import Sequence
from typing import Any

RANK = 16
ALPHA = 32
LEARNING_RATE = 1e-3
"""At a learning_rate_multiplier of 1."""
WARM_UP_STEPS = 5
CLIP_NORM = 1.0
BATCH_SIZE = 8
EPOCHS = 2
_BUCKET = 8  # tokens; examples this close in length may share a batch


def resolve(shown: dict[str, Any]) -> dict[str, Any]:
    """Replace every "auto" among a job's hyperparameters by its number."""
    auto = {"n_epochs": EPOCHS, "batch_size": BATCH_SIZE, "learning_rate_multiplier": 1.0}
    return {name: number if shown[name] == "auto" else shown[name] for name, number in auto.items()}


def steps(examples: int, *, epochs: int, batch_size: int) -> int:
    """Return how many optimiser steps a training takes."""
    return epochs * math.ceil(examples / batch_size)


def learning_rate(step: int, total: int, multiplier: float) -> float:
    """Return the rate of a step (from 0): a short rise, then a line down to 5 %."""
    # a training of a few steps must not spend all of them on warming up
    warm_up = max(1, min(WARM_UP_STEPS, total // 4))
    return LEARNING_RATE * multiplier * min(1.0, (step + 1) / warm_up) * max(0.05, 1 - step / total)


def batches(lengths: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Return one epoch's batches of indices: examples of like length together, in random order.

    Padding costs as much as text; without buckets training is a fifth slower.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    order.sort(key=lambda index: lengths[index] // _BUCKET + rng.random())
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    rng.shuffle(cut)
    return cut
