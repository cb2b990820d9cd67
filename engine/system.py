"""The process and its machine: notice the death of the parent process, count usable cores."""

import os
import threading
from collections.abc import Callable


def watch_parent(on_exit: Callable[[], object]) -> None:
    """Call `on_exit` once, on a thread of its own, when the parent closes our stdin or dies.

    An orphan would keep using two cores. The kernel closes the parent's end of the pipe however the parent
    dies, on every operating system.
    """

    def wait() -> None:
        # os.read, not sys.stdin: a buffered reader holds a lock that would block the interpreter's exit
        while os.read(0, 4096):
            pass
        on_exit()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def usable_cores() -> int:
    """Return the number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
