"""What a piece of work took: seconds on the clock, and processor seconds of this process, all its threads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Spent:
    """Known when the block has ended."""

    seconds: float = 0.0
    busy_seconds: float = 0.0


@contextmanager
def spent() -> Iterator[Spent]:
    """Time a block."""
    found = Spent()
    started, busy = time.perf_counter(), time.process_time()
    yield found
    found.seconds = time.perf_counter() - started
    found.busy_seconds = time.process_time() - busy
