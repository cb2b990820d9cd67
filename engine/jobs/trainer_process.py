"""The trainer process: start it, read its messages, pause it, end it. Its crash cannot harm the engine."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine.jobs.schema import JobEvent
from engine.storage import atomic
from engine.training_request import REQUEST_FILE, Checkpoint, TrainingRequest, TrainingResult

log = logging.getLogger(__name__)

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_PAUSE_SECONDS = 120.0  # until a kill; a state may be gigabytes, and loading the model cannot be interrupted
_LOGGED_CHARACTERS = 4000  # of the trainer's stderr, if it crashes


class TrainingFailed(Exception):
    """A training that failed; `message` is for the client that created the job, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def train(
    folder: Path,
    request: TrainingRequest,
    pause: asyncio.Event,
    on_message: Callable[[JobEvent | Checkpoint], None],
) -> TrainingResult | None:
    """Run a training in a process of its own, which works in a job's `folder`.

    Returns None if it was paused, by setting `pause`. Cancelling ends the process at once. Raises
    TrainingFailed, and OSError if the folder cannot be written.
    """
    atomic.write_json(folder / REQUEST_FILE, request.model_dump(mode="json"))
    async with _spawn(folder) as process, _pause_on(pause, process):
        assert process.stdout is not None  # noqa: S101  `_spawn` makes it a pipe
        async for line in process.stdout:
            if not line.endswith(b"\n"):  # the process died while writing
                break
            message = json.loads(line)
            if "done" in message:
                return TrainingResult.model_validate(message["done"])
            if "paused" in message:
                return None
            if "failed" in message:
                raise TrainingFailed(**message["failed"])
            if "checkpoint" in message:
                on_message(Checkpoint.model_validate(message["checkpoint"]))
            else:
                on_message(JobEvent.model_validate(message))
        code = await process.wait()
    if pause.is_set():
        return None  # paused before its first step, or killed because it took too long
    stderr = (folder / "trainer.log").read_text(encoding="utf-8", errors="replace")[-_LOGGED_CHARACTERS:]
    log.error("the trainer of %s exited with %s; the end of its log:\n%s", folder.name, code, stderr)
    raise TrainingFailed("trainer_died", _explain(code))


@asynccontextmanager
async def _spawn(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a trainer, and kill it at the end of the block."""
    paths = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # a thread that waits for another must not spin on a core that the other, or a chat, needs
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "2000",
        # torch's oneDNN keeps what it prepares for each shape of a product: texts of all lengths, by default
        # 1024 shapes, took 2 GiB in a training of ten minutes (bench/engine/training.md)
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
    }
    with (folder / "trainer.log").open("ab") as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.training",
            str(folder),
            # never written to: its end tells the child that this process has ended
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log_file,
            env=os.environ | environment,
            start_new_session=True,  # signals from a terminal are for the engine
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def _pause_on(pause: asyncio.Event, process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Ask the trainer to save its state and exit when `pause` is set; kill it if it takes too long."""

    async def wait() -> None:
        await pause.wait()
        process.terminate()
        await asyncio.sleep(_PAUSE_SECONDS)
        process.kill()

    task = asyncio.create_task(wait())
    try:
        yield
    finally:
        task.cancel()


def _explain(code: int) -> str:
    if code == -9:
        return "The trainer was killed from outside; the machine may have run out of memory."
    return "The trainer stopped unexpectedly; the engine's log says more."
