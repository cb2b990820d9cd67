"""The trainings that run: what their trainers tell of them, and how they end."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial

from engine.jobs.job_folder import JobStore
from engine.jobs.outcomes import JobOutcomes
from engine.jobs.schema import Job, JobEvent
from engine.jobs.training_runner import TrainingRunner
from engine.training_request import Checkpoint, ReferenceLoss, TrainingRequest, TrainingResult


@dataclass(frozen=True)
class _Training:
    """The handles to end or pause a training."""

    task: asyncio.Task[TrainingResult | None]
    pause: asyncio.Event = field(default_factory=asyncio.Event)


class Trainings:
    """Runs trainings of jobs, each until it ends."""

    def __init__(self, store: JobStore, outcomes: JobOutcomes, runner: TrainingRunner) -> None:
        self._store = store
        self._outcomes = outcomes
        self._runner = runner
        self._running: dict[str, _Training] = {}
        self._is_stopping = False

    def __len__(self) -> int:
        """Return how many run, those that save their state included."""
        return len(self._running)

    def __contains__(self, job: Job) -> bool:
        """Return whether a job's training runs."""
        return job.id in self._running

    def cancel(self, job: Job) -> None:
        """End the training of a cancelled job at once."""
        self._running[job.id].task.cancel()

    def pause(self, job: Job) -> None:
        """Have the training of a paused job save its state and end, if it runs."""
        if job in self:
            self._running[job.id].pause.set()

    def pause_all(self) -> None:
        """Have all trainings save their state and end, as the engine is stopping."""
        self._is_stopping = True
        for training in self._running.values():
            training.pause.set()

    async def run(self, job: Job, request: TrainingRequest) -> None:
        """Train until the job is finished, paused, or queued again because the training was stopped.

        It is in this object as soon as this is awaited.
        """
        with self._outcomes.failing_on_error(job):
            result = await self._train(job, request)
            if result is not None:
                self._outcomes.succeed(job, request, result)
            else:
                self._tell_stop(job)

    def _tell_stop(self, job: Job) -> None:
        if job.has_status("running"):
            job.status = "queued"
            cause = "The engine is stopping" if self._is_stopping else "The trainer was stopped from outside"
            message = f"{cause}: the job is queued again"
            self._store.save(job, JobEvent(level="warn", message=message))
        elif job.has_status("paused"):
            message = "The trainer has saved its state and ended"
            self._store.append(job, JobEvent(message=message, data={"paused": True}))

    async def _train(self, job: Job, request: TrainingRequest) -> TrainingResult | None:
        """Train by the runner; return None if the job was paused or cancelled."""
        self._outcomes.remove_incomplete(job)
        pause = asyncio.Event()
        on_message = partial(self._handle_message, job)
        folder = self._store.folder(job).path
        task = asyncio.create_task(self._runner.train(folder, request, pause, on_message))
        self._running[job.id] = _Training(task, pause)
        result = None
        try:
            result = await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not job.has_status("cancelled") or (current and current.cancelling()):
                raise  # the engine is stopping
        finally:
            del self._running[job.id]
            job.estimated_finish = None
            if result is None:
                self._outcomes.remove_incomplete(job)
            if job.has_status("cancelled"):
                self._outcomes.delete_state(job)
        return None if job.has_status("cancelled") else result

    def _handle_message(self, job: Job, message: JobEvent | Checkpoint) -> None:
        if isinstance(message, Checkpoint):
            message = self._outcomes.add_checkpoint(job, message)
        elif message.data and "seconds_left" in message.data:
            job.estimated_finish = round(time.time() + message.data["seconds_left"])
        elif message.data and "reference_loss" in message.data:
            job.reference_loss = ReferenceLoss.model_validate(message.data["reference_loss"])
            self._store.save(job)
        self._store.append(job, message)
