"""The trainer process: start it, read its messages, pause it, end it. Its crash cannot harm the engine."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine.jobs.schema import JobEvent
from engine.jobs.trainer_template import NotStarted, Trainer, TrainerTemplate
from engine.storage import atomic
from engine.training_request import REQUEST_FILE, Checkpoint, TrainingRequest, TrainingResult

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 120.0  # until a kill; a state may be gigabytes, and loading the model cannot be interrupted
_LOGGED_CHARACTERS = 4000  # of the trainer's stderr, if it crashes


class TrainingFailed(Exception):
    """A training that failed; `message` is for the client that created the job, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def train(
    template: TrainerTemplate,
    folder: Path,
    request: TrainingRequest,
    pause: asyncio.Event,
    on_message: Callable[[JobEvent | Checkpoint], None],
) -> TrainingResult | None:
    """Run a training in a process of its own, which starts from `template` and works in a job's `folder`.

    Returns None if it was paused, by setting `pause`. Cancelling ends the process at once. Raises
    TrainingFailed, and OSError if the folder cannot be written.
    """
    atomic.write_json(folder / REQUEST_FILE, request.model_dump(mode="json"))
    try:
        async with template.trainer(folder) as trainer, _pause_on(pause, trainer):
            async for line in trainer.messages:
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
            code = await trainer.wait()
    except NotStarted as error:
        log.error("the trainer of %s was not started: %s", folder.name, error)  # noqa: TRY400  says all of it
        code = None
    if pause.is_set():
        return None  # paused before its first step, or killed because it took too long
    text = (folder / "trainer.log").read_text(encoding="utf-8", errors="replace")[-_LOGGED_CHARACTERS:]
    log.error("the trainer of %s exited with %s; the end of its log:\n%s", folder.name, code, text)
    raise TrainingFailed("trainer_died", _explain(code))


@asynccontextmanager
async def _pause_on(pause: asyncio.Event, trainer: Trainer) -> AsyncIterator[None]:
    """Ask the trainer to save its state and exit when `pause` is set; kill it if it takes too long."""

    async def wait() -> None:
        await pause.wait()
        trainer.send_signal(signal.SIGTERM)
        await asyncio.sleep(_PAUSE_SECONDS)
        trainer.send_signal(signal.SIGKILL)

    task = asyncio.create_task(wait())
    try:
        yield
    finally:
        task.cancel()


def _explain(code: int | None) -> str:
    if code == -9:
        return "The trainer was killed from outside; the machine may have run out of memory."
    return "The trainer stopped unexpectedly; the engine's log says more."
