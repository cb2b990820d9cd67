"""The base as a Hugging Face folder: a GGUF file is unpacked once for each type of numbers. Imports torch.

transformers unpacks GGUF files too, in four times the processor time: it reads the vocabulary twice, and
makes its table of names for every module.
"""

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import LlamaConfig

from engine import base_model
from engine.storage import atomic
from engine.storage.gguf_reader import GGUFReader
from engine.training import gguf_weights

_SIZES = {
    "llama.context_length": "max_position_embeddings",
    "llama.embedding_length": "hidden_size",
    "llama.block_count": "num_hidden_layers",
    "llama.feed_forward_length": "intermediate_size",
    "llama.attention.head_count": "num_attention_heads",
    "llama.attention.head_count_kv": "num_key_value_heads",
    "llama.attention.key_length": "head_dim",
    "llama.attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "llama.vocab_size": "vocab_size",
    "tokenizer.ggml.bos_token_id": "bos_token_id",
    "tokenizer.ggml.eos_token_id": "eos_token_id",
    "tokenizer.ggml.padding_token_id": "pad_token_id",
}
"""transformers' name of what a file tells about its model."""
_NEEDED = frozenset(name for name in _SIZES if name.startswith("llama.")) - {
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
}
_ALSO_KNOWN = frozenset(
    {"llama.rope.freq_base", "llama.rope.dimension_count", "llama.attention.value_length"}
)


def load(base: Path, *, dtype: torch.dtype, device: str, cache: Path) -> Any:
    """Return the model at `base`, a Hugging Face folder or a GGUF file, which `cache` keeps unpacked.

    A cache that cannot be read is made anew. Raises OSError or ValueError if `base` cannot be read, and
    TrainingError.
    """
    if base.is_dir():
        return base_model.load(base, dtype=dtype, device=device)
    try:
        return base_model.load(_unpacked(base, dtype, cache), dtype=dtype, device=device)
    except (OSError, ValueError, SafetensorError):
        if not cache.is_dir():  # the file is to blame
            raise
        shutil.rmtree(cache)
        return base_model.load(_unpacked(base, dtype, cache), dtype=dtype, device=device)


def _unpacked(gguf: Path, dtype: torch.dtype, cache: Path) -> Path:
    """Return the folder `cache`, with what the file holds in numbers of `dtype`."""
    manifest = cache / "unpacked_from.json"
    status = gguf.stat()
    source = {
        "path": str(gguf.resolve()),
        "size": status.st_size,
        "modified": status.st_mtime_ns,
        "dtype": str(dtype),
        "transformers": transformers.__version__,
    }
    if not manifest.is_file() or atomic.read_json(manifest) != source:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        _unpack(gguf, dtype, cache)
        atomic.write_json(manifest, source)  # last: it marks the folder as complete
    return cache


def _unpack(gguf: Path, dtype: torch.dtype, folder: Path) -> None:
    if (config := _config(gguf)) is None:
        base_model.load(gguf, dtype=dtype).save_pretrained(folder)
        return
    config.dtype = dtype
    config.save_pretrained(folder)
    weights = {name: torch.tensor(values).to(dtype) for name, values in gguf_weights.read(gguf)}
    part = folder / "model.safetensors.part"
    save_file(weights, part, metadata={"format": "pt"})
    atomic.publish(part, folder / "model.safetensors")


def _config(gguf: Path) -> LlamaConfig | None:
    """Return the configuration of a plain llama; None for a variant, such as one with scaled positions."""
    reader = GGUFReader(gguf)
    told = {
        name: field.contents() for name, field in reader.fields.items() if name in {*_SIZES, *_ALSO_KNOWN}
    }
    tensors = {tensor.name for tensor in reader.tensors}
    is_plain = (
        told.keys() >= _NEEDED
        and not any(name.startswith("llama.") and name not in told for name in reader.fields)
        and not any(name.endswith(".bias") or name.startswith("rope_") for name in tensors)
    )
    if not is_plain:
        return None
    settings: dict[str, Any] = {ours: told[name] for name, ours in _SIZES.items() if name in told}
    head = settings["hidden_size"] // settings["num_attention_heads"]
    if {head} != {settings.get("head_dim", head), told.get("llama.rope.dimension_count", head)}:
        return None
    return LlamaConfig(
        **settings,
        architectures=["LlamaForCausalLM"],
        rope_theta=told.get("llama.rope.freq_base", 10_000.0),
        tie_word_embeddings="output.weight" not in tensors,
    )
