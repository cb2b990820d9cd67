"""The memory and disk space that a training takes, estimated without torch, and what is free of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine import hyperparameters, system
from engine.limits import CONTEXT, SLOTS
from engine.model_size import ModelSize
from engine.training_request import TrainedWeights, TrainingError, TrainingRequest

Resource = Literal["memory", "memory and swap", "disk"]

_GIB = 2**30
# Python, torch, transformers, what oneDNN prepares, and freed memory in pieces, which grow with all weights
_RUNTIME: dict[TrainedWeights, float] = {"all": 0.95 * _GIB, "adapter": 0.75 * _GIB}
_STATE = 12  # bytes a trained parameter, on disk and in memory: the weight and two moments, in float32
_GRADIENT = 4
_Q8_0 = 34 / 32  # bytes a parameter
_SERVING_RUNTIME = 0.1 * _GIB  # Python, llama.cpp and its buffers
_CACHED = 2  # bytes a number of the keys and values of a chat

_NEEDS_LESS_MEMORY = {"all": "train an adapter instead of all weights", "adapter": "choose a smaller base"}


@dataclass(frozen=True)
class Shortage:
    """Too little memory or disk to train a model, or too little memory and swap to load one; in bytes."""

    of: Resource
    needed: int
    available: int

    def __str__(self) -> str:
        """Return the figures as a clause."""
        needed, available = self.needed / _GIB, self.available / _GIB
        return f"{needed:.1f} GiB of {self.of} are needed, and {available:.1f} are free"

    @property
    def cure(self) -> str:
        """A sentence that says what helps a training of all weights."""
        return self.cure_of("all")

    def cure_of(self, weights: TrainedWeights) -> str:
        """Return a sentence that says what helps."""
        if self.of == "disk":
            return "Delete models that are no longer used, or free some space otherwise."
        return f"Close other programs, use a machine with more, or {_NEEDS_LESS_MEMORY[weights]}."


def memory_needed(
    size: ModelSize,
    weights: TrainedWeights,
    *,
    longest: int = 0,
    rank: int = hyperparameters.LORA_RANK,
) -> float:
    """Estimate the peak memory of the trainer, in bytes; the longest example has `longest` tokens.

    `rank` is that of an adapter.

    For each token of a micro-batch: about 32 vectors per layer that the backward pass needs, and the logits
    with what is computed of them. bench/engine/training.md compares it with measurements.
    """
    computed = 2 if system.multiplies_bfloat16() else 4  # bytes of a number that the layers compute with
    tokens = max(hyperparameters.micro_batch_tokens(weights), longest)
    activations = tokens * computed * (32 * size.width * size.layers + 2 * size.vocabulary)
    # in float32 the optimizer changes the very weights that the layers compute with
    frozen = 0 if weights == "all" and computed == 4 else computed * size.parameters
    return _RUNTIME[weights] + activations + frozen + (_STATE + _GRADIENT) * _trained(size, weights, rank)


def memory_of(request: TrainingRequest) -> float:
    """Estimate the peak memory of the trainer of a request, in bytes."""
    rank = request.lora_rank or hyperparameters.LORA_RANK
    return memory_needed(request.size, request.weights, longest=request.longest_example, rank=rank)


def disk_needed(
    size: ModelSize,
    weights: TrainedWeights,
    *,
    models: int,
    is_gguf: bool,
    rank: int = hyperparameters.LORA_RANK,
) -> float:
    """Estimate the bytes that a training writes, its `models` included. `rank` is that of an adapter.

    A saved state replaces the one before only when it is complete, so there are two for a moment.
    """
    states = 2 * _STATE * _trained(size, weights, rank)
    adapter = _adapter(size, rank) if weights == "adapter" else 0
    if is_gguf:
        return states + 2 * size.parameters + models * (_Q8_0 * size.parameters + adapter)
    saved = 4 * size.parameters if weights == "all" else 0
    return states + models * (saved + adapter)


def shortage(of: Resource, needed: float, available: float) -> Shortage | None:
    """Return what is missing if fewer than `needed` bytes are available."""
    return Shortage(of, int(needed), int(available)) if available < needed else None


def check(
    request: TrainingRequest,
    *,
    longest: int,
    on_cpu: bool,
    free_disk: Callable[[Path], int] = system.available_disk,
    free_memory: Callable[[], int] = system.available_memory,
) -> None:
    """Raise TrainingError if memory or disk are too small; the longest example has `longest` tokens.

    What an interrupted training has left, and goes on from, counts as room.
    """
    size = request.size
    request.out.parent.mkdir(parents=True, exist_ok=True)
    models = min(request.n_epochs, hyperparameters.KEPT_CHECKPOINTS)
    rank = request.lora_rank or hyperparameters.LORA_RANK
    is_gguf = request.base.is_file()
    written = disk_needed(size, request.weights, models=models, is_gguf=is_gguf, rank=rank)
    kept = sum(map(_bytes, (request.state, request.unpacked)))
    missing = shortage("disk", written - kept, free_disk(request.out.parent))
    if missing is None and on_cpu:
        memory = memory_needed(size, request.weights, longest=longest, rank=rank)
        missing = shortage("memory", memory, free_memory())
    if missing is not None:
        cure = missing.cure_of(request.weights)
        raise TrainingError(f"The training of {request.base_id} cannot begin: {missing}. {cure}")


def serving_memory(file_bytes: int, cached_numbers: int) -> float:
    """Estimate the bytes of memory in which llama.cpp serves a GGUF file to all slots at once.

    `cached_numbers` are the keys and values of one token in all layers. The file may also be read from the
    disk again and again, which is slow.
    """
    return _SERVING_RUNTIME + file_bytes + _CACHED * cached_numbers * CONTEXT * SLOTS


def serving_shortage(folder: Path, available: int) -> Shortage | None:
    """Return what is missing to load a Hugging Face folder: the kernel would kill an engine that tries.

    `available` are the bytes of memory and swap that are free. None also if the size of the model cannot be
    read: loading it says why.
    """
    try:
        parameters = ModelSize.read(folder).parameters
    except (OSError, ValueError):
        return None
    computed = 2 if system.multiplies_bfloat16() or system.has_gpu() else 4
    return shortage("memory and swap", computed * parameters, available)


def _trained(size: ModelSize, weights: TrainedWeights, rank: int) -> float:
    """Return the number of parameters that are trained."""
    return size.parameters if weights == "all" else _adapter(size, rank) / 4


def _adapter(size: ModelSize, rank: int) -> float:
    """Return about the bytes of a LoRA adapter: the sides of a layer's matrices add up to some 20 widths."""
    return 4 * 20 * rank * size.layers * size.width


def _bytes(path: Path) -> int:
    files = path.glob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(file.stat().st_size for file in files if file.is_file())
