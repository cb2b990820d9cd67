"""A process that outlives its parent is an orphan eating two cores: hold its stdin, and its end ends us.

The kernel closes the parent's side of the pipe however the parent dies, on every system alike.
"""

import os
import threading
from collections.abc import Callable


def on_end_of_stdin(act: Callable[[], object]) -> None:
    """Call `act` once, on a thread of its own, when the other side of stdin is closed."""

    def wait() -> None:
        # os.read, not sys.stdin: a buffered reader holds a lock that the interpreter's exit would trip over
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def usable() -> int:
    """Return the number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
