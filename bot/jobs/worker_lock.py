"""Whether a worker runs in a data folder: each holds a lock there, which the kernel drops however it dies."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_NAME = "worker.lock"


@contextmanager
def worker_lock(data_dir: Path) -> Iterator[None]:
    """Hold the lock during the block, if there is a place for it; any number of workers share it."""
    with ExitStack() as stack:
        with suppress(OSError):  # as on a file system without locks: the lock only saves commands a wait
            file = stack.enter_context((data_dir / _NAME).open("ab"))
            fcntl.flock(file, fcntl.LOCK_SH)
        yield


def has_worker_here(data_dir: Path) -> bool:
    """Return whether a worker may run in a data folder. One on another machine is not seen."""
    try:
        with (data_dir / _NAME).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # a worker holds it, or this file system has no locks
        return True
    return False
