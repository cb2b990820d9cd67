"""Whether a base can be tuned, and how its file is read for that."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine import architectures
from engine.architectures import ARCHITECTURES, Architecture
from engine.storage import gguf_header
from engine.storage.gguf_header import GGUFHeader

SCALED_FREQUENCIES = "rope_freqs"
"""The tensor with the factors of rotary frequencies, which is no parameter of the model."""

_HEAD_WIDTHS = ("attention.key_length", "attention.value_length", "rope.dimension_count")
_NOT_READ = frozenset({*_HEAD_WIDTHS, "rope.scaling.finetuned", "tensor_data_layout", "vocab_size"})
_NEUTRAL: Mapping[str, Any] = {
    "attention.causal": True,
    "attention.sliding_window_pattern": 6,  # Gemma 3's, which transformers assumes as well
    "expert_count": 0,
    "expert_used_count": 0,
    "rope.scaling.type": "none",
    "use_parallel_residual": False,
}
"""What a file may say, because it changes nothing."""


def obstacle(base: Path) -> str:
    """Return why a base cannot be tuned, in sentences; empty if nothing speaks against it.

    Whether a Hugging Face folder can be tuned shows when it is loaded.
    """
    if base.is_dir():
        return ""
    try:
        header = gguf_header.read(base)
    except (OSError, ValueError) as error:
        return f"The base model could not be read: {error}."
    row = architectures.of_gguf(header.architecture)
    if row is None:
        return architecture_obstacle(header.architecture)
    try:
        variation = _variation(row, header)
    except (TypeError, ZeroDivisionError):
        variation = "what it tells of its sizes are no numbers"
    if not variation:
        return ""
    return f"The base is a variant of '{row.gguf}' that cannot be tuned: {variation}. Choose another base."


def architecture_obstacle(name: str) -> str:
    """Return why no GGUF file of an architecture can be tuned, in sentences; empty if it is in the table."""
    if architectures.of_gguf(name) is not None:
        return ""
    return (
        f"The base is of the architecture '{name}', and GGUF files can be tuned of these: {tunable()}. Choose"
        " another base, or the Hugging Face folder of this one, by --base (ENGINE_BASE)."
    )


def tunable() -> str:
    """Return the architectures of GGUF files that can be tuned, with models, as a clause."""
    models: dict[str, list[str]] = {}
    for row in ARCHITECTURES:
        models.setdefault(row.gguf, []).append(row.models)
    return ", ".join(f"{name} ({'; '.join(each)})" for name, each in models.items())


def head_width(settings: Mapping[str, Any]) -> int:
    """Return the width of a head, from what a file tells of its architecture."""
    width: int = (
        settings.get("attention.key_length")
        or settings["embedding_length"] // settings["attention.head_count"]
    )
    return width


def tensor_names(row: Architecture, tensors: Iterable[str]) -> dict[str, str]:
    """Return transformers' name of each parameter by its name in a file.

    Raises ValueError for a tensor that models of the architecture do not have.
    """
    outer = {gguf: name for name, gguf in row.outer.items()}
    inner = {gguf: name for name, gguf in {**row.matrices, **row.vectors}.items()}
    names = {}
    for tensor in tensors:
        stem, _, kind = tensor.rpartition(".")
        _, _, layer = stem.partition("blk.")
        number, _, part = layer.partition(".")
        if stem in outer and kind == "weight":
            names[tensor] = f"{outer[stem]}.weight"
        elif part in inner and (kind == "weight" or (kind == "bias" and inner[part] in row.biases)):
            names[tensor] = f"model.layers.{number}.{inner[part]}.{kind}"
        elif not (stem == SCALED_FREQUENCIES and row.scaled_frequencies):
            raise ValueError(f"it has the tensor {tensor}")
    return names


def _variation(row: Architecture, header: GGUFHeader) -> str:
    """Return how a model differs from those of its architecture that can be tuned, as a clause."""
    settings = header.settings()
    if missing := sorted(row.sizes.keys() - row.optional - settings.keys()):
        return f"it does not tell its {missing[0]}"
    for key, value in settings.items():
        if not (key in row.sizes or key in _NOT_READ or _changes_nothing(key, value, settings)):
            return f"it has {key} = {value}"
    width = head_width(settings)
    if any(settings.get(key, width) != width for key in _HEAD_WIDTHS):
        return "its heads have several widths"
    if row.max_layers and settings["block_count"] > row.max_layers:
        return f"it has more than {row.max_layers} layers"
    try:
        tensor_names(row, sorted(header.tensors))
    except ValueError as error:
        return str(error)
    return ""


def _changes_nothing(key: str, value: Any, settings: Mapping[str, Any]) -> bool:
    if key in {"rope.scaling.type", "rope.scaling.factor"} and settings.get("rope.scaling.type") == "linear":
        return "rope.scaling.factor" in settings  # both are read
    return bool(_NEUTRAL.get(key) == value)
