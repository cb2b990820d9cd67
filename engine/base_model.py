"""Load a base model with transformers, from a GGUF file or a Hugging Face folder. Imports torch."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

TUNED_WEIGHTS = "weights"
"""The folder in a tuned model's that holds all its weights, if the base is a Hugging Face folder."""


def load(path: Path, *, dtype: torch.dtype, device: str = "cpu") -> Any:
    """Return the model at `path`, a Hugging Face folder (takes a second) or a .gguf file (ten or more).

    Raises OSError or ValueError if transformers cannot read the files.
    """
    logging.disable_progress_bar()  # it would end up in a log file
    model = _read_folder(path, dtype) if path.is_dir() else _dequantize(path, dtype)
    return model.to(device)


def load_tuned(base: Path, tuned: Path, *, dtype: torch.dtype, device: str) -> Any:
    """Return the model in a tuned model's folder: all its weights, or the base with its adapter merged.

    Passes on the exceptions of transformers and peft.
    """
    if (tuned / TUNED_WEIGHTS).is_dir():
        return load(tuned / TUNED_WEIGHTS, dtype=dtype, device=device)
    from peft import PeftModel  # noqa: PLC0415  two seconds, which the base alone need not spend

    model = load(base, dtype=dtype, device=device)
    return PeftModel.from_pretrained(model, tuned / "adapter", torch_device=device).merge_and_unload()


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a Hugging Face folder; llama.cpp has its own for a GGUF file.

    Raises OSError or ValueError if transformers cannot read it.
    """
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _read_folder(folder: Path, dtype: torch.dtype) -> Any:
    # safetensors only: a pickle could execute code
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, local_files_only=True
    )


def _dequantize(gguf: Path, dtype: torch.dtype) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=dtype,
        # without it the weights stay quantized, and gradients cannot pass through them
        quantization_config=GgufConfig(dequantize=True),
    )


def best_device() -> str:
    """Return "cuda" or "mps" if available, else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def fastest_dtype(device: str) -> torch.dtype:
    """Return bfloat16 if `device` has instructions for it (it halves the memory, too), else float32.

    Decided by capabilities, not by timing: a busy machine must not change a model's results.
    """
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        fast = device == "cpu" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.bfloat16 if fast else torch.float32
