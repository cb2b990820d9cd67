"""What this machine can do at best, measured now: reading memory, and multiplying matrices.

`python -m bench.common.machine` prints the fastest matrix product as one JSON object: a process of its own,
so that torch's threads and memory are gone before anything else is measured.
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


def bandwidth(tries: int = 7) -> float:
    """Return how many bytes a second all cores together can read: the best of some tries over 1 GiB."""
    import numpy as np  # noqa: PLC0415  so that --help is quick

    # sums of integers: they wait for memory alone, where those of floats wait for each other
    numbers = np.ones(_READ_BYTES // 8, dtype=np.int64)
    parts = np.array_split(numbers, system.usable_cores())
    with ThreadPoolExecutor(len(parts)) as threads:
        best = _fastest(lambda: list(threads.map(np.sum, parts)), tries)
    return _READ_BYTES / best


def matrix_peak() -> MatrixPeak:
    """Return the fastest matrix product of this machine, as torch does it with every core."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.common.machine"],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return MatrixPeak(**json.loads(done.stdout))


def resident_mib(process_id: int) -> float:
    """Return the physical memory of a process, in MiB."""
    return float(psutil.Process(process_id).memory_info().rss) / 2**20


def describe() -> str:
    """Return what kind of machine this is, in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{system.usable_cores()} cores ({_processor()}), {memory:.0f} GiB, load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  no file, but a window
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or not x86
        return "unknown processor"


def _fastest(act: Callable[[], object], tries: int) -> float:
    """Return the seconds of the quickest of some tries: what is slower was disturbed."""
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _multiply() -> MatrixPeak:
    import torch  # noqa: PLC0415  seconds, and only this process needs it

    torch.set_num_threads(system.usable_cores())
    found = []
    for dtype in (torch.bfloat16, torch.float32):
        for side in _SIDES:
            left, right = torch.ones(side, side, dtype=dtype), torch.ones(side, side, dtype=dtype)
            seconds = _fastest(lambda left=left, right=right: left @ right, 12)  # type: ignore[misc]
            found.append(MatrixPeak(2 * side**3 / seconds / 1e9, str(dtype).removeprefix("torch.")))
    return max(found, key=lambda peak: peak.gflops)


if __name__ == "__main__":
    peak = _multiply()
    print(json.dumps({"gflops": peak.gflops, "dtype": peak.dtype}))
