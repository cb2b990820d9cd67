"""`python -m tests.vllm.base_folder OUT` writes the packaged weights as a Hugging Face folder, for vLLM.

It runs in a process of its own, so that the process of the tests never loads torch.
"""

import subprocess
import sys
from pathlib import Path

from engine.storage import weights


def write(out: Path) -> Path:
    """Write the folder in a process of its own; return it."""
    command = [sys.executable, "-m", "tests.vllm.base_folder", str(out)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    return out


def _main(out: Path) -> None:
    import torch
    from transformers import PreTrainedTokenizerFast

    from engine.training import unpacked_base

    gguf = weights.find(None).path
    unpacked_base.load(gguf, dtype=torch.bfloat16, device="cpu", cache=out)
    PreTrainedTokenizerFast.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
