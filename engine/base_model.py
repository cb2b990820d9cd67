"""A base model in transformers, read from a GGUF file or a Hugging Face folder. Imports torch."""

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedTokenizerFast
from transformers.utils import logging

from engine.storage import atomic


def load(
    path: Path, *, dtype: torch.dtype, device: str = "cpu", cache: Path | None = None
) -> tuple[Any, Any]:
    """Return the model and the tokenizer at `path`, a .gguf file or a Hugging Face folder.

    With a `cache`, a folder for this alone, an unpacked GGUF file is kept there: reading it back takes a
    second in place of ten or more. Raises OSError or ValueError for what transformers cannot read.
    """
    logging.disable_progress_bar()  # they would end up in a log file
    if path.is_dir():
        model, tokenizer = _read_folder(path, dtype)
    elif cache is None:
        model, tokenizer = _unpack(path, dtype)
    else:
        model, tokenizer = _through_cache(path, dtype, cache)
    return model.to(device), tokenizer


def _read_folder(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    # safetensors alone: a pickle could run anything
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, local_files_only=True
    )
    return model, AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _unpack(gguf: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=dtype,
        # without it the weights stay packed and cannot be trained through
        quantization_config=GgufConfig(dequantize=True),
    )
    # not AutoTokenizer: that would read the whole file only to learn which class this is
    return model, PreTrainedTokenizerFast.from_pretrained(gguf.parent, gguf_file=gguf.name)


def _through_cache(gguf: Path, dtype: torch.dtype, cache: Path) -> tuple[Any, Any]:
    manifest = cache / "unpacked_from.json"
    status = gguf.stat()
    source = {
        "path": str(gguf.resolve()),
        "size": status.st_size,
        "modified": status.st_mtime_ns,
        "dtype": str(dtype),
        "transformers": transformers.__version__,
    }
    if manifest.is_file() and atomic.read_json(manifest) == source:
        return _read_folder(cache, dtype)
    shutil.rmtree(cache, ignore_errors=True)
    model, tokenizer = _unpack(gguf, dtype)
    model.save_pretrained(cache)
    tokenizer.save_pretrained(cache)
    atomic.write_json(manifest, source)  # last: where it lies, the folder is complete
    return model, tokenizer


def best() -> str:
    """Return the device that torch would rather use than the CPU, or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def fastest_dtype(device: str) -> torch.dtype:
    """Return bfloat16 where `device` has instructions for it (half the memory, too), else float32.

    Asked of the processor, not of the clock: no model may compute otherwise on a busy day.
    """
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        fast = device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return torch.bfloat16 if fast else torch.float32
