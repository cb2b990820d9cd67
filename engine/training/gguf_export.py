"""Merge a LoRA adapter into its base and write a GGUF file, with numpy and the gguf package, no torch."""

import json
import re
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

from engine.storage import atomic
from engine.training_request import TrainingError

_GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_LORA_KEY = re.compile(r"layers\.(\d+)\.(\S+?)\.lora_([AB])\.")
_FILE_TYPE_Q8_0 = 7


def export(base: Path, adapter: Path, out: Path) -> None:
    """Write the base to `out` with the adapter merged; the merged layers are stored as Q8_0.

    `adapter` is a PEFT folder. The file is published only when complete. Raises TrainingError.
    """
    reader = GGUFReader(base)
    deltas = _lora_deltas(reader, adapter)
    part = out.with_name(out.name + ".part")
    writer = GGUFWriter(part, reader.get_field("general.architecture").contents())
    _copy_metadata(reader, writer)
    for tensor in reader.tensors:
        delta = deltas.pop(tensor.name, None)
        if delta is None:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            merged = dequantize(tensor.data, tensor.tensor_type) + delta
            q8_0 = GGMLQuantizationType.Q8_0
            writer.add_tensor(tensor.name, quantize(merged.astype("float32"), q8_0), raw_dtype=q8_0)
    if deltas:
        raise TrainingError(f"The base has no layers {sorted(deltas)[:3]}.")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    atomic.publish(part, out)


def check_architecture(base: Path) -> None:
    """Raise TrainingError if `export` does not support the architecture of `base`."""
    architecture = GGUFReader(base).get_field("general.architecture").contents()
    if architecture != "llama":
        raise TrainingError(
            f"Models of the architecture '{architecture}' cannot be fine-tuned here, only 'llama'."
        )


def _lora_deltas(reader: Any, adapter: Path) -> dict[str, Any]:
    """Return what the adapter adds to the weight of each layer, [out, in], in GGUF's names and row order."""
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    heads = reader.get_field("llama.attention.head_count").contents()
    heads_kv = reader.get_field("llama.attention.head_count_kv").contents()
    halves: dict[str, dict[str, Any]] = {}
    for key, value in load_file(adapter / "adapter_model.safetensors").items():
        found = _LORA_KEY.search(key)
        if found is None:
            raise TrainingError(f"Unknown tensor in the adapter: {key}.")
        layer, module, half = found.groups()
        halves.setdefault(f"blk.{layer}.{_GGUF_NAMES[module]}.weight", {})[half] = value.astype("float32")
    deltas = {}
    for name, half in halves.items():
        delta = half["B"] @ half["A"] * (config["lora_alpha"] / config["r"])
        if ".attn_q." in name:
            delta = _permute_rotary(delta, heads)
        elif ".attn_k." in name:
            delta = _permute_rotary(delta, heads_kv)
        deltas[name] = delta
    return deltas


def _permute_rotary(weight: Any, heads: int) -> Any:
    """Reorder the rows of a query or key layer.

    For rotary embeddings transformers pairs the two halves of a head, llama.cpp neighbouring rows.
    """
    pairs = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def _copy_metadata(reader: Any, writer: Any) -> None:
    skipped = {"general.architecture", "general.file_type"}  # set by the writer, and below
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in skipped:
            continue
        value_type = field.types[0]
        item_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), value_type, sub_type=item_type)
    writer.add_file_type(_FILE_TYPE_Q8_0)
