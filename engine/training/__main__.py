"""The trainer process, a copy of engine/training/template.py or `python -m engine.training JOB_FOLDER`.

Reads the training request in the job folder and trains. It reports on stdout, one JSON object per line: job
events, `{"checkpoint": {...}}`, and at the end `{"done": {...}}`, `{"paused": step}` or
`{"failed": {code, message}}`. SIGTERM pauses the training; the process exits with its parent.
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
from engine.storage import atomic
from engine.training_request import REQUEST_FILE, TrainingError, TrainingRequest


def lower_priority() -> None:
    """Leave cores and memory to chats first."""
    if hasattr(os, "SCHED_IDLE"):  # Linux: chats then preempt the trainer at once
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    if sys.platform == "linux":
        # if memory runs out, the kernel kills one process: it must be this one, not the engine
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _failure(error: Exception) -> dict[str, str] | None:
    """Return code and message of an error whose cause is outside our code, else None."""
    if isinstance(error, TrainingError):
        return {"code": "training_failed", "message": str(error)}
    if isinstance(error, OSError) and error.errno in atomic.DISK_FULL_ERRNOS:
        return {
            "code": "disk_full",
            "message": f"The disk has no room for the training ({error.strerror}). Free some and try again.",
        }
    # torch has no exception class for CPU memory
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        return {
            "code": "out_of_memory",
            "message": "The machine has too little free memory for the training. Free some and try again.",
        }
    # torch and safetensors write files themselves and drop the errno
    if "No space left" in str(error) or "File too large" in str(error):
        return _failure(OSError(errno.ENOSPC, "No space left on device"))
    return None


def train(folder: Path) -> None:
    """Run the training of a job folder, as the only work of this process."""
    system.watch_parent(lambda: os._exit(1))
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: pause.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then ends this process
    lower_priority()
    # libraries may print: their output goes to stderr, so that the pipe holds our messages only
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    try:
        request = TrainingRequest.model_validate(atomic.read_json(folder / REQUEST_FILE))
        from engine.training.run import TrainingRun  # noqa: PLC0415  seconds of torch, after the signal handlers

        send(TrainingRun(request, send, pause.is_set).run())
    except Exception as error:
        failure = _failure(error)
        if failure is None:
            raise
        send({"failed": failure})


if __name__ == "__main__":
    train(Path(sys.argv[1]))
