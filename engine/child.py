"""The trainer as a process: started, listened to, ended. Nothing that befalls it can hurt the engine."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine import disk
from engine.job import Event
from engine.order import Done, Order

log = logging.getLogger(__name__)

_PACKAGE_ROOT = Path(__file__).resolve().parent.parent
_LAST_WORDS = 4000  # characters of the trainer's stderr worth logging


class TrainingFailed(Exception):
    """A training came to nothing; the text is meant for the one who ordered it, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        """Hold both."""
        super().__init__(message)
        self.code = code
        self.message = message


async def train(folder: Path, order: Order, on_event: Callable[[Event], None]) -> Done:
    """Carry out an order in a process of its own, which works in `folder` (a job's).

    Cancelling ends the process. Raises TrainingFailed.
    """
    disk.write_json(folder / "order.json", order.model_dump(mode="json"))
    async with _running(folder) as process:
        assert process.stdout is not None  # noqa: S101  asked for as a pipe below
        async for line in process.stdout:
            if not line.endswith(b"\n"):  # it died in the middle of a word
                break
            said = json.loads(line)
            if "done" in said:
                return Done.model_validate(said["done"])
            if "failed" in said:
                raise TrainingFailed("training_failed", said["failed"])
            on_event(Event.model_validate(said))
        code = await process.wait()
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
    with (folder / "trainer.log").open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.trainer",
            str(folder),
            # never written to: its end tells the child that we are gone, however we went
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log_file,
            env=os.environ | environment,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _explain(code: int) -> str:
    if code == -9:
        return "The trainer was killed from outside; the machine may have run out of memory."
    return "The trainer stopped unexpectedly; the engine's log says more."
