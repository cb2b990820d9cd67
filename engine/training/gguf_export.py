"""A LoRA adapter merged into its base, as a GGUF file: numpy and the gguf package, no torch."""

import json
import re
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

from engine.storage import atomic
from engine.training_request import OrderError

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_KEY = re.compile(r"layers\.(\d+)\.(\S+?)\.lora_([AB])\.")
_FILE_TYPE_Q8_0 = 7


def export(base: Path, adapter: Path, out: Path) -> None:
    """Write `out`: the base with the adapter's layers merged and stored as Q8_0, all else as it was.

    `adapter` is a PEFT folder. The file appears complete or not at all. Raises OrderError.
    """
    reader = GGUFReader(base)
    deltas = _deltas(reader, adapter)
    part = out.with_name(out.name + ".part")
    writer = GGUFWriter(part, reader.get_field("general.architecture").contents())
    _copy_metadata(reader, writer)
    for tensor in reader.tensors:
        delta = deltas.pop(tensor.name, None)
        if delta is None:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            merged = dequantize(tensor.data, tensor.tensor_type) + delta
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(tensor.name, quantize(merged.astype("float32"), kind), raw_dtype=kind)
    if deltas:
        raise OrderError(f"The base has no layers {sorted(deltas)[:3]}.")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    atomic.put(part, out)


def check(base: Path) -> None:
    """Raise OrderError when a model tuned from `base` could not be written later."""
    kind = GGUFReader(base).get_field("general.architecture").contents()
    if kind != "llama":
        raise OrderError(f"Models of the architecture '{kind}' cannot be fine-tuned here, only 'llama'.")


def _deltas(reader: Any, adapter: Path) -> dict[str, Any]:
    """Return what the adapter adds to each layer, [out, in], in GGUF's names and row order."""
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    heads = reader.get_field("llama.attention.head_count").contents()
    heads_kv = reader.get_field("llama.attention.head_count_kv").contents()
    halves: dict[str, dict[str, Any]] = {}
    for key, value in load_file(adapter / "adapter_model.safetensors").items():
        found = _KEY.search(key)
        if found is None:
            raise OrderError(f"Unknown part of the adapter: {key}.")
        layer, module, half = found.groups()
        halves.setdefault(f"blk.{layer}.{_NAMES[module]}.weight", {})[half] = value.astype("float32")
    deltas = {}
    for name, half in halves.items():
        delta = half["B"] @ half["A"] * (config["lora_alpha"] / config["r"])
        if ".attn_q." in name:
            delta = rotary_order(delta, heads)
        elif ".attn_k." in name:
            delta = rotary_order(delta, heads_kv)
        deltas[name] = delta
    return deltas


def rotary_order(weight: Any, heads: int) -> Any:
    """Reorder a query or key layer's rows: transformers rotates halves of a head, llama.cpp neighbours."""
    pairs = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def _copy_metadata(reader: Any, writer: Any) -> None:
    own = {"general.architecture", "general.file_type"}  # written by the writer, and below
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in own:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=inner)
    writer.add_file_type(_FILE_TYPE_Q8_0)
