"""Workers in processes of their own, which are killed or stand still, and whose clocks may be wrong."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

from bot.app import Timing, open_app
from bot.settings import Settings

_CONTEXT = multiprocessing.get_context("forkserver")
_LONGEST = 600.0  # seconds that a process lives if nobody kills it
_PRELOADED = ["bot.app", "aiosqlite", "aiohttp", "alembic.command", "matplotlib.figure", "openai.resources"]


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker's process.

    ready is set once it looks for jobs, let_go once it has ended a job, or noticed that it lost one.
    """

    process: BaseProcess
    ready: Event
    let_go: Event

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def stand_still(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class WorkerProcesses:
    """Starts workers of one installation."""

    def __init__(self, settings: Settings, timing: Timing) -> None:
        self._settings = settings
        self._timing = timing
        self._started: list[WorkerProcess] = []
        _CONTEXT.set_forkserver_preload(_PRELOADED)

    def start(self, *, ahead: float = 0.0) -> WorkerProcess:
        """Start a worker whose clock is so many seconds ahead."""
        events = _CONTEXT.Event(), _CONTEXT.Event()
        process = _CONTEXT.Process(target=_work, args=(self._settings, self._timing, ahead, *events))
        process.start()
        self._started.append(WorkerProcess(process, *events))
        return self._started[-1]

    def kill(self) -> None:
        """Kill all that still run."""
        for each in self._started:
            each.kill()


@contextmanager
def worker_processes(settings: Settings, timing: Timing) -> Iterator[WorkerProcesses]:
    """Start workers within the block, whose end they do not survive."""
    workers = WorkerProcesses(settings, timing)
    try:
        yield workers
    finally:
        workers.kill()


def _work(settings: Settings, timing: Timing, ahead: float, ready: Event, let_go: Event) -> None:
    here = time.time
    time.time = lambda: here() + ahead
    asyncio.run(_run_jobs(settings, timing, ready, let_go))


async def _run_jobs(settings: Settings, timing: Timing, ready: Event, let_go: Event) -> None:
    """Do what Worker.run_forever() does, and tell of the end of each job."""
    end = time.monotonic() + _LONGEST
    async with open_app(settings, timing) as app:
        ready.set()
        while time.monotonic() < end:
            if await app.worker.run_next():
                let_go.set()
            else:
                await asyncio.sleep(timing.worker.poll)
