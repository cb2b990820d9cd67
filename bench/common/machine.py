"""The limits of this machine, measured now: memory bandwidth and matrix multiplication.

`python -m bench.common.machine` prints the fastest matrix product as one JSON object. It runs as a process of
its own, so that torch's threads and memory are gone before anything else is measured.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine import system

_ROOT = Path(__file__).resolve().parents[2]
_READ_BYTES = 1 << 30  # far beyond any cache
_SIDES = (1024, 2048)  # of the square matrices; a third size was never the fastest


@dataclass(frozen=True)
class MatrixPeak:
    """The fastest matrix product found: GFLOP/s, and the number format it was found in."""

    gflops: float
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
    """Return cores, processor, memory and load in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{system.usable_cores()} cores ({_processor()}), {memory:.0f} GiB, load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  (not a real file)
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or not x86
        return "unknown processor"


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
    peaks = []
    for dtype in (torch.bfloat16, torch.float32):
        for side in _SIDES:
            left, right = torch.ones(side, side, dtype=dtype), torch.ones(side, side, dtype=dtype)
            seconds = _fastest(lambda left=left, right=right: left @ right, 12)  # type: ignore[misc]
            peaks.append(MatrixPeak(2 * side**3 / seconds / 1e9, str(dtype).removeprefix("torch.")))
    return max(peaks, key=lambda peak: peak.gflops)


if __name__ == "__main__":
    peak = _multiply()
    print(json.dumps({"gflops": peak.gflops, "dtype": peak.dtype}))
