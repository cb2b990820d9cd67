"""What a torch model computes on, and in which numbers. Imports torch."""

import torch


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
