"""The numbers that decide how a model is fine-tuned: LoRA rank, learning rates, batches, epochs.

Without tensors, so that the server can use them, too. The values were measured with the packaged 135M model
on chat examples of about 130 tokens (bench/engine/training.md).
"""

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine import system
from engine.training_request import MethodName, TrainedWeights

LORA_RANK = 16
MAX_LORA_RANK = 256
LORA_ALPHA = 32
LORA_DROPOUT = 0.0
LEARNING_RATES: dict[MethodName, dict[TrainedWeights, float]] = {
    "supervised": {"all": 2e-4, "adapter": 1e-3},
    "dpo": {"all": 1e-5, "adapter": 1e-4},
    "kto": {"all": 1e-5, "adapter": 1e-4},
}
"""The peak learning rate if learning_rate_multiplier is 1."""
MAX_PARAMETERS = 500_000_000
"""Of a base whose weights are all tuned by default; a larger one gets an adapter."""
BETA = 0.1
"""How closely preference tuning stays to the model it starts from."""
SUPERVISED_WEIGHT = 1.0
"""Of the preferred texts' own loss beside DPO's: that of Pang et al. 2024 (arXiv:2404.19733)."""
MAX_BALANCE = 10.0
"""The most that one text of the rarer label counts in KTO, so that a single one does not decide all."""
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


@dataclass(frozen=True)
class Adapter:
    """The rank of a LoRA adapter, and whether it is scaled by the square root of that.

    The latter is rsLoRA (Kalajdzievski 2023, arXiv:2312.03732), with which a larger rank learns more.
    """

    rank: int = LORA_RANK
    rs: bool = False

    @property
    def scale(self) -> float:
        """What the product of the two matrices is multiplied by."""
        return LORA_ALPHA / (math.sqrt(self.rank) if self.rs else self.rank)


def resolve_auto(
    method: MethodName,
    weights: TrainedWeights,
    hyperparameters: dict[str, Any],
    examples: int,
    *,
    from_tuned: bool,
    adapter: Adapter | None = None,
    labels: Mapping[bool, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """Replace every "auto" by what suits so many examples; `weights` is what the training changes.

    `from_tuned` says that the training starts from a tuned model, `adapter` how that one's adapter is scaled,
    and `labels` how many texts are wanted (True) and not (False). What is only of an adapter is left out if
    all weights are trained.
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
        "beta": BETA,
        "supervised_weight": SUPERVISED_WEIGHT,
        "desirable_weight": _balance(labels, of=True),
        "undesirable_weight": _balance(labels, of=False),
        "lora_rank": (adapter or Adapter()).rank,
        "lora_rs": (adapter or Adapter()).rs,
    }
    unused = {"lora_rank", "lora_rs"} if weights == "all" else set()
    return {
        name: auto[name] if value == "auto" else value
        for name, value in hyperparameters.items()
        if name not in unused
    }


def _balance(labels: Mapping[bool, int], *, of: bool) -> float:
    """Return the weight of a label's texts with which both labels count the same; the more frequent has 1.

    TRL's documentation of KTO advises a ratio of both sums between 1 and 4/3.
    """
    own, other = labels.get(of, 0), labels.get(not of, 0)
    return round(min(MAX_BALANCE, max(1.0, other / own)), 4) if own else 1.0


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
