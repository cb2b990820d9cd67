"""The base as a Hugging Face folder: a GGUF file is unpacked once for each type of numbers. Imports torch.

transformers unpacks GGUF files too, but not all that `engine.architectures` lists, and in four times the
processor time: it reads the vocabulary twice, and makes its table of names for every module.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from engine import architectures, base_model, tunability
from engine.storage import atomic, gguf_header
from engine.storage.gguf_reader import GGUFReader
from engine.training import gguf_weights
from engine.training_request import TrainingError

_TOKENS = {
    "tokenizer.ggml.bos_token_id": "bos_token_id",
    "tokenizer.ggml.eos_token_id": "eos_token_id",
    "tokenizer.ggml.padding_token_id": "pad_token_id",
}
"""transformers' name of what a file tells about its vocabulary."""
_DEFAULT_FREQUENCY_BASE = 10_000.0  # of llama.cpp
_LLAMA3_SCALING = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
"""How all models from Llama 3.1 on scale their rotary frequencies, but for the factor."""


def load(base: Path, *, dtype: torch.dtype, device: str, cache: Path) -> Any:
    """Return the model at `base`, a Hugging Face folder or a GGUF file, which `cache` keeps unpacked.

    A cache that cannot be read is made anew. Of several trainings, one unpacks, and the others wait. Raises
    OSError or ValueError if `base` cannot be read, and TrainingError.
    """
    if base.is_dir():
        return base_model.load(base, dtype=dtype, device=device)
    cache.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache.with_name(f"{cache.name}.lock")):
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
    config = _config(gguf)
    config.dtype = dtype
    config.save_pretrained(folder)
    weights = {name: torch.tensor(values).to(dtype) for name, values in gguf_weights.read(gguf)}
    _check_names(config, weights)
    part = folder / "model.safetensors.part"
    save_file(weights, part, metadata={"format": "pt"})
    atomic.publish(part, folder / "model.safetensors")


def _config(gguf: Path) -> PreTrainedConfig:
    """Return what transformers needs to know of the model in a file. Raises TrainingError."""
    gguf_weights.check(gguf)
    header = gguf_header.read(gguf)
    row = architectures.of_gguf(header.architecture)
    assert row is not None  # noqa: S101  it was checked
    told = header.settings()
    reader = GGUFReader(gguf)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    sizes = {ours: told[key] for key, ours in row.sizes.items() if key in told}
    if row.attention_layers:
        sizes |= _kinds_of_layers(sizes["num_key_value_heads"], row.attention_layers)
    head = tunability.head_width(told)
    frequency_base = sizes.setdefault("rope_theta", _DEFAULT_FREQUENCY_BASE)
    if "rope.scaling.factor" in told:
        sizes["rope_scaling"] = {"rope_type": "linear", "factor": told["rope.scaling.factor"]}
    if factors := tensors.get(f"{tunability.SCALED_FREQUENCIES}.weight"):
        sizes["rope_scaling"] = _llama3_scaling(torch.tensor(factors.data), frequency_base, head)
    return AutoConfig.for_model(
        row.model_type,
        architectures=[row.model_class],
        vocab_size=int(tensors["token_embd.weight"].shape[1]),
        tie_word_embeddings="output.weight" not in tensors,
        **{ours: header.metadata[key] for key, ours in _TOKENS.items() if key in header.metadata},
        **dict.fromkeys(row.head_size, head),
        **row.settings,
        **sizes,
    )


def _kinds_of_layers(heads: Sequence[int], others: str) -> dict[str, Any]:
    """Return settings of a model in which only layers with heads for keys and values have attention."""
    return {
        "num_key_value_heads": max(heads),
        "layer_types": ["full_attention" if each else others for each in heads],
    }


def _llama3_scaling(factors: torch.Tensor, frequency_base: float, head: int) -> dict[str, Any]:
    """Return the setting with which transformers scales each rotary frequency by one of `factors`.

    Raises TrainingError if there is none.
    """
    scaling = {"rope_type": "llama3", "factor": float(factors.max()), **_LLAMA3_SCALING}
    config = LlamaConfig(head_dim=head, rope_parameters={"rope_theta": frequency_base, **scaling})
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = frequency_base ** -(torch.arange(0, head, 2) / head)
    if not torch.allclose(plain / scaled, factors, rtol=1e-3):
        raise TrainingError("The base scales its rotary frequencies in a way that cannot be tuned.")
    return scaling


def _check_names(config: PreTrainedConfig, weights: Mapping[str, torch.Tensor]) -> None:
    """Raise TrainingError if a model has other parameters than a file: transformers would make them up."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    expected = {name: weight.shape for name, weight in model.named_parameters()}
    found = {name: weight.shape for name, weight in weights.items()}
    if strange := sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name)):
        raise TrainingError(f"The base has other weights than models of its kind: {strange[:3]}.")
