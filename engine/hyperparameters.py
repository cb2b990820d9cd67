"""The training recipe: every number that decides how a model is tuned, without the tensors.

Measured with the packaged 135M weights on chat examples of about 130 tokens.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.training_request import MethodName

RANK = 16
ALPHA = 32
LEARNING_RATES = {"supervised": 1e-3, "dpo": 1e-4}
"""At a learning_rate_multiplier of 1."""
BETA = 0.1
"""How closely a preference-tuned model stays to the one it started from."""
WARM_UP_STEPS = 5
CLIP_NORM = 1.0
BATCH_SIZE = 8
EPOCHS = 2
FEW_EXAMPLES = 128
TOKENS_AT_ONCE = 2048
"""A batch with more is computed in parts, so that memory depends on neither batch nor example sizes."""
CHECKPOINTS = 3
"""Models that are kept of a training: those of the last epochs, the finished one included."""
_BUCKET = 8  # tokens; examples this close in length may share a batch


def resolve(method: MethodName, shown: dict[str, Any], examples: int, *, further: bool) -> dict[str, Any]:
    """Replace every "auto" among a job's hyperparameters by the number that suits so many examples.

    further says that a tuned model is trained further.
    """
    # few examples make few steps: from the base each has to go far (bench/training.md); a tuned model that
    # went so far would learn those few by heart
    multiplier = 4.0 if method == "supervised" and examples < FEW_EXAMPLES and not further else 1.0
    auto = {
        "n_epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "learning_rate_multiplier": multiplier,
        "beta": BETA,
    }
    return {name: auto[name] if value == "auto" else value for name, value in shown.items()}


def learning_rate(step: int, total: int, highest: float) -> float:
    """Return the rate of a step (from 0): a short rise to `highest`, then a line down to 5 % of it."""
    # a training of a few steps must not spend all of them on warming up
    warm_up = max(1, min(WARM_UP_STEPS, total // 4))
    return highest * min(1.0, (step + 1) / warm_up) * max(0.05, 1 - step / total)


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


def parts(batch: Iterable[int], padded: Sequence[int]) -> Iterator[list[int]]:
    """Cut a batch of indices into parts that fill at most `TOKENS_AT_ONCE`, the shortest examples first.

    `padded` is what each example fills; in a part it fills as much as the largest. A larger one than fits
    stands alone.
    """
    part: list[int] = []
    for index in sorted(batch, key=padded.__getitem__):
        if part and (len(part) + 1) * padded[index] > TOKENS_AT_ONCE:
            yield part
            part = []
        part.append(index)
    if part:
        yield part
