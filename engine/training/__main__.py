"""The training child: `python -m engine.trainer JOB_FOLDER`.

Reads order.json there, trains, leaves the model where the order says, and tells on stdout what becomes of it,
one JSON object a line: events to pass on, `{"checkpoint": {...}}`, and at the end `{"done": {...}}`,
`{"paused": step}` or `{"failed": {code, message}}`. SIGTERM pauses it; it ends with its parent.
"""

import contextlib
import errno
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from engine import system
from engine.jobs import training_file
from engine.storage import atomic
from engine.training_request import Order, OrderError


def _give_way() -> None:
    """Let chat go first: train on what it leaves of the machine."""
    if hasattr(os, "SCHED_IDLE"):  # Linux; chat then wakes up without waiting for our slice of time to end
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    if sys.platform == "linux":
        # where memory runs out, the system ends one process: it shall be this one, and not the engine
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _failure(error: Exception) -> dict[str, str] | None:
    """Say a failure that has a cause outside our code; None for one that has not."""
    if isinstance(error, OrderError | training_file.TrainingFileError):
        return {"code": "training_failed", "message": str(error)}
    if isinstance(error, OSError) and error.errno in atomic.NO_ROOM:
        return {
            "code": "disk_full",
            "message": f"The disk has no room for the training ({error.strerror}). Free some and try again.",
        }
    # torch has no class of its own for the memory of a CPU
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        return {
            "code": "out_of_memory",
            "message": "The machine has too little free memory for the training. Free some and try again.",
        }
    # torch and safetensors write files themselves and forget the number of the error
    if "No space left" in str(error) or "File too large" in str(error):
        return _failure(OSError(errno.ENOSPC, "No space left on device"))
    return None


def main() -> None:
    """Run as the engine's child."""
    system.on_end_of_stdin(lambda: os._exit(1))
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: pause.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's: it ends us when it ends
    _give_way()
    # libraries print as they like: their words go to stderr, and ours keep the pipe to themselves
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: dict[str, Any]) -> None:
        pipe.write(json.dumps(line) + "\n")
        pipe.flush()

    try:
        order = Order.model_validate(atomic.read_json(Path(sys.argv[1]) / "order.json"))
        from engine.training.run import FineTuning  # noqa: PLC0415  seconds of torch, after the first signs of life

        say(FineTuning(order, say, pause.is_set).run())
    except Exception as error:
        failure = _failure(error)
        if failure is None:
            raise
        say({"failed": failure})


if __name__ == "__main__":
    main()
