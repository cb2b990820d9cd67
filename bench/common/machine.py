"""The limits of this machine, measured now: memory bandwidth and matrix multiplication.

`python -m bench.common.machine` prints the fastest matrix product as one JSON object. It runs as a process of
its own, so that torch's threads and memory are gone before anything else is measured.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from engine import system

_ROOT = Path(__file__).resolve().parents[2]
_READ_BYTES = 1 << 30  # far beyond any cache
_SIDE = 2048  # of the square matrices
_TRAINING_SHAPES = ((1024, 576, 576), (1024, 576, 1536), (1024, 1536, 576))
"""Rows, shared side and columns: the layers of the packaged base for a micro-batch of 1024 tokens."""
_FLAGS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"),
    *("asimddp", "i8mm", "bf16", "sve"),  # on ARM
)
"""The instructions that decide how fast a processor multiplies matrices."""


@dataclass(frozen=True)
class MatrixPeak:
    """The fastest matrix products in GFLOP/s, and the number format that they were found in.

    gflops: of square matrices of 2048. training_gflops: of the shapes of a training, one after the other.
    """

    gflops: float
    training_gflops: float
    dtype: str


def memory_bandwidth(tries: int = 7) -> float:
    """Return the bytes per second that all cores together can read: the best of `tries` over 1 GiB."""
    import numpy as np  # noqa: PLC0415  (heavy, and --help does not need it)

    # integers: their sum is bound by memory alone, while additions of floats wait for each other
    numbers = np.ones(_READ_BYTES // 8, dtype=np.int64)
    parts = np.array_split(numbers, system.usable_cores())
    with ThreadPoolExecutor(len(parts)) as threads:
        best = _fastest(lambda: list(threads.map(np.sum, parts)), tries)
    return _READ_BYTES / best


def matrix_peak() -> MatrixPeak:
    """Return the fastest matrix product of this machine, by torch on all cores."""
    completed = subprocess.run(
        [sys.executable, "-m", "bench.common.machine"],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return MatrixPeak(**json.loads(completed.stdout))


def resident_mib(process_id: int) -> float:
    """Return the physical memory of a process, in MiB."""
    return float(psutil.Process(process_id).memory_info().rss) / 2**20


def describe() -> str:
    """Return cores, the processor's instructions, memory and load in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{system.usable_cores()} cores ({instructions()}), {memory:.0f} GiB, load {os.getloadavg()[0]:.1f}"
    )


def instructions() -> str:
    """Return the processor's instructions for products of matrices, as Linux calls them."""
    flags = system.processor_flags()
    return " ".join(flag for flag in _FLAGS if flag in flags) or "unknown instructions"


def _fastest(action: Callable[[], object], tries: int) -> float:
    """Return the seconds of the fastest of `tries`: slower ones were disturbed by other work."""
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _multiply() -> MatrixPeak:
    import torch  # noqa: PLC0415  (takes seconds, and only this process needs it)

    torch.set_num_threads(system.usable_cores())

    def gflops(shapes: Sequence[tuple[int, int, int]], dtype: torch.dtype) -> float:
        pairs = [
            (torch.ones(rows, inner, dtype=dtype), torch.ones(inner, columns, dtype=dtype))
            for rows, inner, columns in shapes
        ]
        seconds = _fastest(lambda: [left @ right for left, right in pairs], 12)
        return sum(2 * rows * inner * columns for rows, inner, columns in shapes) / seconds / 1e9

    peaks = [
        MatrixPeak(
            gflops([(_SIDE, _SIDE, _SIDE)], dtype),
            gflops(_TRAINING_SHAPES * 10, dtype),  # ten layers, so that starting the products counts little
            str(dtype).removeprefix("torch."),
        )
        for dtype in (torch.bfloat16, torch.float32)
    ]
    return max(peaks, key=lambda peak: peak.gflops)


if __name__ == "__main__":
    print(json.dumps(asdict(_multiply())))
