"""Whether llama.cpp runs on this machine; its package is built for processors with AVX2.

`python -m engine.inference.llama_cpp_check MODEL.gguf` loads a model and ends: a processor that lacks an
instruction ends that process, and not the engine.
"""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from engine import system
from engine.inference.llama_cpp import LlamaCppGenerator, import_library

_X86 = frozenset({"x86_64", "amd64"})
_NEEDED = frozenset({"avx2", "bmi2", "f16c", "fma"})
"""What the published package uses, as Linux writes it; one that was built for this machine needs less."""
_TRIAL_SECONDS = 60.0
_ELSEWHERE = (
    "Choose the folder or id of a Hugging Face model by --base (ENGINE_BASE), which torch serves, or run the"
    " engine on another machine."
)


def obstacle(
    gguf: Path, *, flags: Callable[[], frozenset[str]] = system.processor_flags, python: str = sys.executable
) -> str:
    """Return why llama.cpp cannot serve a file on this machine, in sentences; empty if it can.

    Takes seconds on a processor that lacks what the published package uses: a process then tries.
    """
    missing = _NEEDED - flags() if flags() and platform.machine().lower() in _X86 else frozenset()
    # before the import in this process, which a missing instruction could end
    if missing and not _loads(gguf, python):
        names = ", ".join(sorted(missing))
        return f"llama.cpp does not run on this processor, which lacks the instructions {names}. {_ELSEWHERE}"
    try:
        import_library()
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[-1] if str(error) else type(error).__name__
        return (
            f"llama.cpp cannot be loaded on this machine ({platform.machine()}): {reason}. Install its"
            f" package by pip install xllamacpp. {_ELSEWHERE}"
        )
    return ""


def _loads(gguf: Path, python: str) -> bool:
    command = [python, "-P", "-m", "engine.inference.llama_cpp_check", str(gguf)]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    # an error that Python reports is another one, which is said when the model is loaded
    return tried.returncode >= 0


def main() -> None:
    """Load the model."""
    LlamaCppGenerator.load(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
