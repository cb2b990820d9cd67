"""Check before a training that disk and memory are large enough for it."""

import shutil

import psutil

from engine import hyperparameters
from engine.training_request import TrainingError, TrainingRequest

_GIB = 2**30
_OTHER_FILES = 0.5 * _GIB  # the training state, the adapter, and the unpacked base


def check_disk(request: TrainingRequest, free: float | None = None) -> None:
    """Raise TrainingError if the disk has no space for the models (`free` bytes; None asks the system)."""
    base = request.base.stat().st_size if request.base.is_file() else 0
    models = min(request.n_epochs, hyperparameters.KEPT_CHECKPOINTS)
    # a model has 8 bits per weight, the base at least 4
    needed = models * 2 * base + _OTHER_FILES
    request.out.parent.mkdir(parents=True, exist_ok=True)
    if free is None:
        free = shutil.disk_usage(request.out.parent).free
    if free < needed:
        raise TrainingError(
            f"The training needs {needed / _GIB:.1f} GiB of disk and {free / _GIB:.1f} are free. "
            "Delete models that are no longer used, or free some space otherwise."
        )


def memory_needed(*, parameters: int, layers: int, width: int, vocabulary: int, dtype_bytes: int) -> float:
    """Estimate the peak memory that training adds to a loaded model, in bytes.

    For each token of a micro-batch: about 32 vectors per layer that the backward pass needs, and the logits
    with their gradient in float32. Within 20 % of measurements with the packaged weights
    (bench/engine/training.md).
    """
    activations = 32 * width * layers * dtype_bytes
    logits = 12 * vocabulary
    optimizer = 4 * 4 * parameters  # weight, gradient and two moments of each trainable parameter, in float32
    return hyperparameters.MICRO_BATCH_TOKENS * (activations + logits) + optimizer


def check_memory(needed: float, available: float | None = None) -> None:
    """Raise TrainingError if fewer than `needed` bytes are available (None asks the system)."""
    if available is None:
        available = psutil.virtual_memory().available
    if available < needed:
        raise TrainingError(
            f"The training needs {needed / _GIB:.1f} GiB more memory and {available / _GIB:.1f} are free. "
            "Close other programs, or use a machine with more."
        )
