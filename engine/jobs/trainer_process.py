"""The trainer as a process: started, listened to, ended. Nothing that befalls it can hurt the engine."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine.jobs.schema import Event
from engine.storage import atomic
from engine.training_request import Checkpoint, Done, Order

log = logging.getLogger(__name__)

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_PAUSE_LIMIT = 60.0  # seconds; loading the model or measuring held-out loss is not interrupted
_LAST_WORDS = 4000  # characters of the trainer's stderr worth logging


class TrainingFailed(Exception):
    """A training came to nothing; the text is meant for the one who ordered it, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        """Hold both."""
        super().__init__(message)
        self.code = code
        self.message = message


async def train(
    folder: Path, order: Order, pause: asyncio.Event, tell: Callable[[Event | Checkpoint], None]
) -> Done | None:
    """Carry out an order in a process of its own, which works in `folder` (a job's).

    Returns None where it was put down because `pause` was set. Cancelling ends the process at once. Raises
    TrainingFailed, and OSError where the folder cannot be written.
    """
    atomic.write_json(folder / "order.json", order.model_dump(mode="json"))
    async with _running(folder) as process, _terminated_when(pause, process):
        assert process.stdout is not None  # noqa: S101  asked for as a pipe below
        async for line in process.stdout:
            if not line.endswith(b"\n"):  # it died in the middle of a word
                break
            said = json.loads(line)
            if "done" in said:
                return Done.model_validate(said["done"])
            if "paused" in said:
                return None
            if "failed" in said:
                raise TrainingFailed(**said["failed"])
            if "checkpoint" in said:
                tell(Checkpoint.model_validate(said["checkpoint"]))
            else:
                tell(Event.model_validate(said))
        code = await process.wait()
    if pause.is_set():
        return None  # before its first step, or past its patience
    last_words = (folder / "trainer.log").read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
    log.error("the trainer of %s ended with %s; its last words:\n%s", folder.name, code, last_words)
    raise TrainingFailed("trainer_died", _explain(code))


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a trainer; when the block is left it is gone."""
    paths = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # a thread that waits for its neighbour must not spin on the core that the neighbour, or chat, needs
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
    }
    with (folder / "trainer.log").open("ab") as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.training",
            str(folder),
            # never written to: its end tells the child that we are gone, however we went
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
async def _terminated_when(pause: asyncio.Event, process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Let the trainer put its work down when `pause` is set; one that does not is killed."""

    async def wait() -> None:
        await pause.wait()
        process.terminate()
        await asyncio.sleep(_PAUSE_LIMIT)
        process.kill()

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()


def _explain(code: int) -> str:
    if code == -9:
        return "The trainer was killed from outside; the machine may have run out of memory."
    return "The trainer stopped unexpectedly; the engine's log says more."
