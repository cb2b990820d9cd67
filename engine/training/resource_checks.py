"""Whether a training has the room that it needs, asked before it takes the time."""

import shutil

import psutil

from engine import hyperparameters
from engine.training_request import Order, OrderError

_GIB = 2**30
_FILES = 0.5 * _GIB  # the training's state, the adapter, and what the unpacked base may take


def check_disk(order: Order) -> None:
    """Raise OrderError where the models that come of `order` would not fit on the disk."""
    base = order.base.stat().st_size if order.base.is_file() else 0
    models = (
        min(order.n_epochs, hyperparameters.CHECKPOINTS) * 2 * base
    )  # 8 bits a weight, from 4 at the least
    needed = models + _FILES
    order.out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(order.out.parent).free
    if free < needed:
        raise OrderError(
            f"The training needs {needed / _GIB:.1f} GiB of disk and {free / _GIB:.1f} are free. "
            "Delete models that are no longer used, or free some otherwise."
        )


def memory_needed(*, parameters: int, layers: int, width: int, vocabulary: int, bytes_a_number: int) -> float:
    """Estimate what training adds to a loaded model at its fullest step, in bytes.

    For each token of a part: about 32 vectors a layer that wait for the backward pass, and the logits with
    their gradient in float32. Measured with the packaged weights: good to a fifth (bench/training.md).
    """
    activations = 32 * width * layers * bytes_a_number
    logits = 12 * vocabulary
    optimizer = 4 * 4 * parameters  # weight, gradient and two moments of what is trained, in float32
    return hyperparameters.TOKENS_AT_ONCE * (activations + logits) + optimizer


def check_memory(needed: float, available: float | None = None) -> None:
    """Raise OrderError where so much memory is not available (None: ask the machine)."""
    if available is None:
        available = psutil.virtual_memory().available
    if available < needed:
        raise OrderError(
            f"The training needs {needed / _GIB:.1f} GiB more memory and {available / _GIB:.1f} are free. "
            "Close something else, or let the machine have more."
        )
