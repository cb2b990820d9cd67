"""Read and write a GGUF file's weights under transformers' names, with numpy and gguf, no torch."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gguf.quants import dequantize
from safetensors.numpy import load_file

from engine import architectures, tunability
from engine.architectures import Architecture
from engine.storage import gguf_writer
from engine.storage.gguf_reader import GGUFReader
from engine.training_request import TrainingError

_LORA_KEY = re.compile(r"(model\.layers\.\S+)\.lora_([AB])\.")


def check(base: Path) -> None:
    """Raise TrainingError if a model of the kind of `base`, a GGUF file, could not be tuned."""
    if obstacle := tunability.obstacle(base):
        raise TrainingError(obstacle)


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name and values, float32 [out, in], of each parameter. Raises TrainingError."""
    reader = GGUFReader(path)
    layout = _Layout.of(reader)
    for tensor in reader.tensors:
        if tensor.name in layout.names:
            values = dequantize(tensor.data, tensor.tensor_type)
            yield layout.names[tensor.name], layout.from_file(tensor.name, values)


def write(base: Path, weights: Mapping[str, Any], out: Path) -> None:
    """Write the base to `out` with other values of all its parameters, float32; matrices become Q8_0.

    Raises TrainingError if the base has other parameters.
    """
    reader = GGUFReader(base)
    layout = _Layout.of(reader)
    if set(layout.names.values()) != set(weights):
        strange = sorted(set(layout.names.values()) ^ set(weights))
        raise TrainingError(f"The base has parameters that cannot be written: {strange[:3]}.")

    def new_values(tensor: Any) -> Any:
        if tensor.name not in layout.names:
            return None
        return layout.to_file(tensor.name, weights[layout.names[tensor.name]])

    gguf_writer.rewrite(reader, out, new_values)


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write the base to `out` with the adapter, a PEFT folder, merged; the merged layers become Q8_0.

    Raises TrainingError.
    """
    reader = GGUFReader(base)
    deltas = _lora_deltas(adapter)
    layout = _Layout.of(reader)
    if missing := sorted(set(deltas) - set(layout.names.values())):
        raise TrainingError(f"The base has no layers {missing[:3]}.")

    def new_values(tensor: Any) -> Any:
        delta = deltas.get(layout.names.get(tensor.name, ""))
        if delta is None:
            return None
        return dequantize(tensor.data, tensor.tensor_type) + layout.in_file_order(tensor.name, delta)

    gguf_writer.rewrite(reader, out, new_values)


@dataclass(frozen=True)
class _Layout:
    """How a file stores the parameters of its model."""

    row: Architecture
    names: dict[str, str]
    """transformers' name of each parameter by its name in the file."""
    heads: int
    kv_heads: int

    @classmethod
    def of(cls, reader: Any) -> Self:
        """Return a file's layout. Raises TrainingError if its model cannot be tuned."""
        architecture = reader.get_field("general.architecture").contents()
        row = architectures.of_gguf(architecture)
        if row is None:
            raise TrainingError(f"Models of the architecture '{architecture}' cannot be tuned.")
        try:
            names = tunability.tensor_names(row, (tensor.name for tensor in reader.tensors))
        except ValueError as error:
            raise TrainingError(f"The base cannot be tuned: {error}.") from error
        heads, kv_heads = (
            reader.get_field(f"{architecture}.attention.{name}") for name in ("head_count", "head_count_kv")
        )
        return cls(row, names, heads.contents(), (kv_heads or heads).contents())

    def from_file(self, tensor: str, values: Any) -> Any:
        """Return the values of a parameter, given those of its tensor."""
        if offset := self._offset(tensor):
            values = values - offset
        if self._has_channel(tensor):
            values = values[:, None]
        return self._reorder(tensor, values, _halves_from_pairs)

    def to_file(self, tensor: str, values: Any) -> Any:
        """Return the values of a tensor, given those of its parameter."""
        if offset := self._offset(tensor):
            values = values + offset
        if self._has_channel(tensor):
            values = values[:, 0]
        return self.in_file_order(tensor, values)

    def in_file_order(self, tensor: str, values: Any) -> Any:
        """Return the rows of a query or key layer in the file's order; other tensors stay as they are."""
        return self._reorder(tensor, values, _pairs_from_halves)

    def _offset(self, tensor: str) -> float:
        return self.row.norm_offset if tensor.endswith("norm.weight") else 0.0

    def _has_channel(self, tensor: str) -> bool:
        return any(f".{name}." in self.names[tensor] for name in self.row.channels)

    def _reorder(self, tensor: str, values: Any, order: Callable[[Any, int], Any]) -> Any:
        """For rotary embeddings transformers pairs the two halves of a head, llama.cpp often neighbours."""
        if self.row.rotary_pairs and ".attn_q." in tensor:
            return order(values, self.heads)
        if self.row.rotary_pairs and ".attn_k." in tensor:
            return order(values, self.kv_heads)
        return values


def _lora_deltas(adapter: Path) -> dict[str, Any]:
    """Return what the adapter adds to each weight, [out, in], by transformers' name."""
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    halves: dict[str, dict[str, Any]] = {}
    for key, value in load_file(adapter / "adapter_model.safetensors").items():
        found = _LORA_KEY.search(key)
        if found is None:
            raise TrainingError(f"Unknown tensor in the adapter: {key}.")
        layer, half = found.groups()
        halves.setdefault(f"{layer}.weight", {})[half] = value.astype("float32")
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return {name: half["B"] @ half["A"] * scale for name, half in halves.items()}


def _pairs_from_halves(values: Any, heads: int) -> Any:
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _halves_from_pairs(values: Any, heads: int) -> Any:
    pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)
