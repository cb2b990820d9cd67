"""Trainer processes: start them, read their messages, pause them, end them."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import resources, system
from engine.jobs.trainer_template import NotStarted, Trainer, TrainerTemplate
from engine.jobs.training_runner import OnMessage, TrainingFailed, receive
from engine.storage import atomic
from engine.training_request import REQUEST_FILE, TrainingRequest, TrainingResult

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 120.0  # until a kill; a state may be gigabytes, and loading the model cannot be interrupted
_LOGGED_CHARACTERS = 4000  # of the trainer's stderr, if it crashes


@dataclass
class _Running:
    """The bytes of memory that a training will take, and its process once it has started."""

    needed: float
    trainer: Trainer | None = None

    @property
    def held(self) -> int:
        """The bytes that it holds already."""
        return self.trainer.private_bytes if self.trainer else 0


class TrainerProcesses:
    """Runs each training in a process of this machine."""

    def __init__(
        self,
        template: TrainerTemplate | None = None,
        *,
        at_once: int = 1,
        free_memory: Callable[[], int] = system.available_memory,
    ) -> None:
        """Start trainers from `template`; `free_memory` returns bytes.

        Of several trainings at once, each but the first begins only when there is memory for it.
        """
        self._template = template or TrainerTemplate()
        self._at_once = at_once
        self._free_memory = free_memory
        self._running: list[_Running] = []

    @property
    def at_once(self) -> int:
        """The most trainings that run at once."""
        return self._at_once

    def free_memory(self) -> int:
        """Return the bytes of memory that a training could take if no other one ran."""
        held = self._template.private_bytes + sum(each.held for each in self._running)
        return self._free_memory() + held

    async def warm_up(self) -> None:
        """Load what trainers need. Raises OSError."""
        await self._template.warm_up()

    async def obstacle(self, request: TrainingRequest) -> str:
        """Return what a training waits for. The first one begins at once, and says itself what it lacks."""
        if not self._running or system.has_gpu():
            return ""
        promised = sum(max(0.0, each.needed - each.held) for each in self._running)
        needed = resources.memory_of(request)
        missing = resources.shortage("memory", needed, int(self._free_memory() - promised))
        if missing is None:
            return ""
        gib = needed / 2**30
        return f"The training needs {gib:.1f} GiB of memory: it waits until another training has ended"

    async def train(
        self, folder: Path, request: TrainingRequest, pause: asyncio.Event, on_message: OnMessage
    ) -> TrainingResult | None:
        """Run a training in a process of its own."""
        atomic.write_json(folder / REQUEST_FILE, request.model_dump(mode="json"))
        with self._counted(resources.memory_of(request)) as running:
            try:
                async with self._template.trainer(folder) as trainer, _pause_on(pause, trainer):
                    running.trainer = trainer
                    async for line in trainer.messages:
                        if not line.endswith(b"\n"):  # the process died while writing
                            break
                        if ended := receive(json.loads(line), on_message):
                            return ended.result
                    code = await trainer.wait()
            except NotStarted as error:
                log.error("the trainer of %s was not started: %s", folder.name, error)  # noqa: TRY400  says all of it
                code = None
        if pause.is_set():
            return None  # paused before its first step, or killed because it took too long
        text = (folder / "trainer.log").read_text(encoding="utf-8", errors="replace")[-_LOGGED_CHARACTERS:]
        log.error("the trainer of %s exited with %s; the end of its log:\n%s", folder.name, code, text)
        raise TrainingFailed("trainer_died", _explain(code))

    def forget(self, folder: Path) -> None:
        """Do nothing: all of a training lies in its job's folder."""

    async def close(self) -> None:
        """End the template."""
        await self._template.close()

    @contextmanager
    def _counted(self, needed: float) -> Iterator[_Running]:
        running = _Running(needed)
        self._running.append(running)
        try:
            yield running
        finally:
            self._running.remove(running)


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
    if code == -signal.SIGKILL:
        return "The trainer was killed from outside; the machine may have run out of memory."
    return "The trainer stopped unexpectedly; the engine's log says more."
