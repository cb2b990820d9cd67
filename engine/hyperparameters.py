"""The numbers that decide how a model is fine-tuned: LoRA rank, learning rates, batches, epochs.

Without tensors, so that the server can use them, too. The values were measured with the packaged 135M model
on chat examples of about 130 tokens (bench/engine/training.md).
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine import system
from engine.training_request import MethodName, TrainedWeights

LORA_RANK = 16
LORA_ALPHA = 32
LORA_DROPOUT = 0.0
LEARNING_RATES: dict[MethodName, dict[TrainedWeights, float]] = {
    "supervised": {"all": 2e-4, "adapter": 1e-3},
    "dpo": {"all": 1e-5, "adapter": 1e-4},
}
"""The peak learning rate if learning_rate_multiplier is 1."""
MAX_PARAMETERS = 500_000_000
"""Of a base whose weights are all tuned by default; a larger one gets an adapter."""
DPO_BETA = 0.1
"""How closely preference tuning stays to the model it starts from."""
WARM_UP_STEPS = 5
CLIP_NORM = 1.0
WEIGHT_DECAY = 0.0
BATCH_SIZE = 8
EPOCHS = 2
FEW_EXAMPLES = 512  # measured with 64 and 379; no larger number was
EVALUATION_TOKENS = 2048
"""Tokens computed at once where nothing is learned, which takes little memory."""
KEPT_CHECKPOINTS = 3
"""Models kept of one training: those of the last epochs, the finished model included."""
_BUCKET_TOKENS = 8  # examples whose lengths differ by less may share a batch


def resolve_auto(
    method: MethodName,
    weights: TrainedWeights,
    hyperparameters: dict[str, Any],
    examples: int,
    *,
    from_tuned: bool,
) -> dict[str, Any]:
    """Replace every "auto" by what suits so many examples; `weights` is what the training changes.

    `from_tuned` says that the training starts from a tuned model.
    """
    # few examples make few steps: starting at the base, each step of an adapter must go far
    # (bench/engine/training.md); a tuned model would overfit
    few = method == "supervised" and examples < FEW_EXAMPLES and not from_tuned
    multiplier = 4.0 if few and weights == "adapter" else 1.0
    auto = {
        "weights": weights,
        "n_epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "learning_rate_multiplier": multiplier,
        "beta": DPO_BETA,
    }
    return {name: auto[name] if value == "auto" else value for name, value in hyperparameters.items()}


def learning_rate(step: int, total: int, peak: float) -> float:
    """Return the learning rate of a step (from 0): a short warm-up to `peak`, then linear decay to 5 %."""
    # a training of a few steps must not spend all of them on the warm-up
    warm_up = max(1, min(WARM_UP_STEPS, total // 4))
    return peak * min(1.0, (step + 1) / warm_up) * max(0.05, 1 - step / total)


def micro_batch_tokens(weights: TrainedWeights) -> int:
    """Return the tokens that a step computes at once, padding included.

    A larger batch is computed in several parts, so that memory does not grow with batch or example size.
    """
    # activations take twice as much in float32
    if weights == "adapter":
        return 2048 if system.multiplies_bfloat16() else 1024
    return 1024 if system.multiplies_bfloat16() else 768


def batches(lengths: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Return one epoch's batches of example indices, in random order; lengths within a batch are similar.

    Padding costs as much as text: without these buckets training is a fifth slower.
    """
    indices = list(range(len(lengths)))
    rng.shuffle(indices)
    indices.sort(key=lambda index: lengths[index] // _BUCKET_TOKENS + rng.random())
    epoch = [indices[start : start + size] for start in range(0, len(indices), size)]
    rng.shuffle(epoch)
    return epoch


def micro_batches(
    batch: Iterable[int], padded_lengths: Sequence[int], max_tokens: int
) -> Iterator[list[int]]:
    """Split a batch of indices into parts of at most `max_tokens`, the shortest examples first.

    In a part every example is padded to the longest one. An example above the limit is a part of its own.
    """
    part: list[int] = []
    for index in sorted(batch, key=padded_lengths.__getitem__):
        if part and (len(part) + 1) * padded_lengths[index] > max_tokens:
            yield part
            part = []
        part.append(index)
    if part:
        yield part
