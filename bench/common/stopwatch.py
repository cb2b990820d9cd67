"""Time a block: seconds on the clock, and processor seconds of this process with all its threads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Elapsed:
    """The times of a block; zero until the block has ended."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Elapsed]:
    """Time the block."""
    elapsed = Elapsed()
    started, cpu_started = time.perf_counter(), time.process_time()
    yield elapsed
    elapsed.seconds = time.perf_counter() - started
    elapsed.cpu_seconds = time.process_time() - cpu_started
