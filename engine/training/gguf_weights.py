"""Read and write a llama GGUF file's weights under transformers' names, with numpy and gguf, no torch."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gguf.quants import dequantize
from safetensors.numpy import load_file

from engine.storage import gguf_writer
from engine.storage.gguf_reader import GGUFReader
from engine.training_request import TrainingError

_OUTER = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
_IN_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_LORA_KEY = re.compile(r"(model\.layers\.\S+)\.lora_([AB])\.")
_COMPUTED = ("rope_freqs", "rope_factors_")  # tensors that are no parameters of the model


def check_architecture(base: Path) -> None:
    """Raise TrainingError if a model of the architecture of `base` could not be written."""
    try:
        architecture = GGUFReader(base).get_field("general.architecture").contents()
    except ValueError as error:
        raise TrainingError(f"The base model could not be read: {error}.") from error
    if architecture != "llama":
        raise TrainingError(
            f"Models of the architecture '{architecture}' cannot be trained here, only 'llama'."
        )


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name and values, float32 [out, in], of each parameter."""
    reader = GGUFReader(path)
    names = _names(reader)
    for tensor in reader.tensors:
        if tensor.name in names:
            values = dequantize(tensor.data, tensor.tensor_type)
            yield names[tensor.name], _reorder(reader, tensor.name, values, _halves_from_pairs)


def write(base: Path, weights: Mapping[str, Any], out: Path) -> None:
    """Write the base to `out` with other values of all its parameters, float32; matrices become Q8_0.

    Raises TrainingError if the base has other parameters.
    """
    reader = GGUFReader(base)
    names = _names(reader)
    if set(names.values()) != set(weights):
        strange = sorted(set(names.values()) ^ set(weights))
        raise TrainingError(f"The base has parameters that cannot be written: {strange[:3]}.")

    def new_values(tensor: Any) -> Any:
        if tensor.name not in names:
            return None
        return _reorder(reader, tensor.name, weights[names[tensor.name]], _pairs_from_halves)

    gguf_writer.rewrite(reader, out, new_values)


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write the base to `out` with the adapter, a PEFT folder, merged; the merged layers become Q8_0.

    Raises TrainingError.
    """
    reader = GGUFReader(base)
    deltas = _lora_deltas(adapter)
    names = _names(reader)
    if missing := sorted(set(deltas) - set(names.values())):
        raise TrainingError(f"The base has no layers {missing[:3]}.")

    def new_values(tensor: Any) -> Any:
        delta = deltas.get(names.get(tensor.name, ""))
        if delta is None:
            return None
        delta = _reorder(reader, tensor.name, delta, _pairs_from_halves)
        return dequantize(tensor.data, tensor.tensor_type) + delta

    gguf_writer.rewrite(reader, out, new_values)


def _names(reader: Any) -> dict[str, str]:
    """Return transformers' name of each parameter by its name in the file. Raises TrainingError."""
    outer = {gguf: name for name, gguf in _OUTER.items()}
    inner = {gguf: name for name, gguf in _IN_LAYER.items()}
    names = {}
    for tensor in reader.tensors:
        stem, _, kind = tensor.name.rpartition(".")
        _, _, layer = stem.partition("blk.")
        number, _, part = layer.partition(".")
        if stem in outer:
            names[tensor.name] = f"{outer[stem]}.{kind}"
        elif part in inner:
            names[tensor.name] = f"model.layers.{number}.{inner[part]}.{kind}"
        elif not stem.startswith(_COMPUTED):
            raise TrainingError(f"The base has a tensor that cannot be trained: {tensor.name}.")
    return names


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


def _reorder(reader: Any, tensor: str, values: Any, order: Callable[[Any, int], Any]) -> Any:
    """Reorder the rows of a query or key layer; other tensors stay as they are.

    For rotary embeddings transformers pairs the two halves of a head, llama.cpp neighbouring rows.
    """
    if ".attn_q." in tensor:
        return order(values, reader.get_field("llama.attention.head_count").contents())
    if ".attn_k." in tensor:
        return order(values, reader.get_field("llama.attention.head_count_kv").contents())
    return values


def _pairs_from_halves(values: Any, heads: int) -> Any:
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _halves_from_pairs(values: Any, heads: int) -> Any:
    pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)
