"""The trainer process, a copy of engine/training/template.py or `python -m engine.training JOB_FOLDER`.

Reads the training request in the job folder and trains. It reports on stdout, one JSON object per line: job
events, `{"checkpoint": {...}}`, and at the end `{"done": {...}}`, `{"paused": step}` or
`{"failed": {code, message}}`. SIGTERM pauses the training; the process exits with its parent.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from engine import system
from engine.storage import atomic
from engine.training import failure
from engine.training_request import REQUEST_FILE, TrainingRequest


def train(folder: Path) -> None:
    """Run the training of a job folder, as the only work of this process."""
    system.watch_parent(lambda: os._exit(1))
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: pause.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then ends this process
    system.lower_priority()
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
        known = failure.describe(error)
        if known is None:
            raise
        send({"failed": known})


if __name__ == "__main__":
    train(Path(sys.argv[1]))
