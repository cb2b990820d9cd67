"""Whether a machine can serve a base."""

from engine import resources, system
from engine.inference import llama_cpp_check
from engine.storage.weights import Weights


def obstacle(base: Weights) -> str:
    """Return why this machine cannot serve the base, as a sentence; empty if it can.

    A Hugging Face folder has to fit into memory; llama.cpp leaves a GGUF file on the disk, but needs a
    processor that it is built for.
    """
    if base.is_gguf:
        return llama_cpp_check.obstacle(base.path)
    available = system.available_memory() + system.available_swap()
    missing = resources.serving_shortage(base.path, available)
    if missing is None:
        return ""
    return (
        f"{base.path} is too large to be loaded: {missing}. Close other programs, use a machine with "
        "more, or choose a smaller model or a quantized .gguf file by --base (ENGINE_BASE)."
    )
