"""Fine-tuning jobs: a queue, one training at a time, that survives restarts."""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from engine import hyperparameters
from engine.errors import ApiError, not_found
from engine.jobs import trainer_process, training_file
from engine.jobs.job_folder import JobFolder
from engine.jobs.schema import (
    FINISHED,
    CreateJob,
    Event,
    Job,
    JobError,
    ShownCheckpoint,
    already_finished,
    wrong_status,
)
from engine.limits import CONTEXT
from engine.storage import atomic
from engine.storage.files import Files
from engine.storage.models import Models, Tuned
from engine.training_request import Checkpoint, Done, Order, checkpoint_suffix

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Training:
    """What can be done to a training under way."""

    task: asyncio.Task[Done | None]
    pause: asyncio.Event = field(default_factory=asyncio.Event)


class _Clock:
    """Foretells when a training ends, from its steps so far, wherever it began."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def finish(self, step: int, total: int) -> int | None:
        """Return the time of the end in Unix seconds; None before two steps were seen."""
        now = time.time()
        if self._first is None:
            self._first = step, now
            return None
        first, then = self._first
        return int(now + (now - then) / max(1, step - first) * (total - step))


class Jobs:
    """All jobs, and the worker that runs them. Use as `async with`; leaving ends the training under way."""

    def __init__(self, folder: Path, files: Files, models: Models, count: training_file.Count) -> None:
        """Point at the folder; `async with` reads it. `count` measures the chats of training files."""
        self._folder = folder
        self._count = count
        self._files = files
        self._models = models
        self._jobs: dict[str, Job] = {}
        self._wake = asyncio.Event()
        self._validating = asyncio.Lock()  # one after the other, so that jobs queue in the order they came
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._training: dict[str, _Training] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Read the jobs, queue again what was under way, and start working."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.iterdir()):
            if job := JobFolder(path).load():
                self._jobs[job.id] = job
                self._recover(job)
        self._start(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop working. What was under way stays so on disk, to be queued again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def create(self, request: CreateJob) -> Job:
        """Take in a job; its files are checked soon after. Raises ApiError for what is not there."""
        self._models.start_of(request.model)  # its refusals
        for param in ("training_file", "validation_file"):
            file_id = getattr(request, param)
            if file_id is not None and not self._files.has(file_id):
                raise ApiError(400, f"There is no file '{file_id}'.", code="file_not_found", param=param)
        job = Job(
            id=atomic.new_id("ftjob"),
            created_at=int(time.time()),
            model=request.model,
            training_file=request.training_file,
            validation_file=request.validation_file,
            seed=secrets.randbelow(2**31) if request.seed is None else request.seed,
            metadata=request.metadata,
            user_provided_suffix=request.suffix,
        )
        method = request.how()
        job.show_method(method.type, method.hyperparameters.shown())
        self._folder_of(job).save(job)  # one that cannot be kept is not taken in
        self._jobs[job.id] = job
        self._save(job, Event(message=f"Created fine-tuning job: {job.id}"))
        self._check(job)
        return job

    def get(self, job_id: str) -> Job:
        """Return a job. Raises the 404 for one that is unknown."""
        if job_id not in self._jobs:
            raise not_found(
                f"There is no fine-tuning job '{job_id}'.", code="fine_tune_not_found", param="id"
            )
        return self._jobs[job_id]

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return list(reversed(self._jobs.values()))

    def events(self, job_id: str) -> list[Event]:
        """Return a job's events, the newest first. Raises the 404."""
        return self._folder_of(self.get(job_id)).events()

    def checkpoints(self, job_id: str) -> list[ShownCheckpoint]:
        """Return the models that were kept on a job's way, the latest first. Raises the 404."""
        job = self.get(job_id)
        return [
            ShownCheckpoint(
                id=f"ftckpt-{job.id.removeprefix('ftjob-')}-{tuned.step}",
                created_at=tuned.created,
                fine_tuned_model_checkpoint=tuned.id,
                fine_tuning_job_id=job.id,
                step_number=tuned.step or 0,
                metrics={
                    "step": tuned.step,
                    "train_loss": tuned.train_loss,
                    "full_valid_loss": tuned.valid_loss.get(str(tuned.step)),
                },
            )
            for tuned in self._models.checkpoints(job.id)
        ]

    def cancel(self, job_id: str) -> Job:
        """End a job at once, whatever it is doing. Raises ApiError for one that is over."""
        job = self.get(job_id)
        if job.status in FINISHED:
            raise already_finished(job)
        job.finish("cancelled")
        self._save(job, Event(message="The job has been cancelled"))
        if job_id in self._checks:
            self._checks[job_id].cancel()
        if job_id in self._training:
            self._training[job_id].task.cancel()
        else:
            self._folder_of(job).drop_state()
        return job

    def pause(self, job_id: str) -> Job:
        """Put a job down, after its next step if it trains. Raises ApiError for one that cannot be."""
        job = self.get(job_id)
        if job.status in FINISHED:
            raise already_finished(job)
        if not job.is_now("queued", "running"):
            raise wrong_status(job, "paused")
        job.status = "paused"
        self._save(job, Event(message="The job has been paused"))
        if job_id in self._training:
            self._training[job_id].pause.set()
        return job

    def resume(self, job_id: str) -> Job:
        """Queue a paused job again; it goes on where it was put down. Raises ApiError for any other."""
        job = self.get(job_id)
        if job.status in FINISHED:
            raise already_finished(job)
        if not job.is_now("paused"):
            raise wrong_status(job, "resumed")
        job.status = "queued"
        self._save(job, Event(message="The job has been resumed and is queued again"))
        self._wake.set()
        return job

    def _recover(self, job: Job) -> None:
        name = self._name(job)
        if job.status == "validating_files":
            self._check(job)
        elif job.status == "running" and self._models.has(name):  # the crash came after the model
            job.fine_tuned_model = name
            job.finish("succeeded")
            self._save(job, Event(message=f"New fine-tuned model created: {name}"))
        elif job.status in {"queued", "running"}:
            job.status = "queued"
            kept = self._folder_of(job).state.is_file()
            where = "goes on from its last checkpoint" if kept else "starts from the beginning"
            again = f"The engine was restarted: the job is queued again and {where}"
            self._save(job, Event(level="warn", message=again))

    def _check(self, job: Job) -> None:
        self._checks[job.id] = self._start(self._validate(job))
        self._checks[job.id].add_done_callback(lambda _: self._checks.pop(job.id))

    async def _validate(self, job: Job) -> None:
        async with self._validating:
            self._save(job, Event(message=f"Validating training file: {job.training_file}"))
            try:
                fault = await self._fault_of_files(job)
            except Exception:
                log.exception("the files of job %s could not be checked", job.id)
                fault = JobError(code="internal_error", message="The engine could not check the job's files.")
        if fault is not None:
            self._fail(job, fault)
        else:
            job.status = "queued"
            self._save(job, Event(message="Files validated, moving job to queued state"))
            self._wake.set()

    async def _fault_of_files(self, job: Job) -> JobError | None:
        for param in ("training_file", "validation_file"):
            file_id = getattr(job, param)
            if file_id is None:
                continue
            least = training_file.MIN_EXAMPLES if param == "training_file" else 1
            try:
                path = self._files.path(file_id)
                await training_file.check(
                    path, job.trains_by[0], at_least=least, longest=CONTEXT, count=self._count
                )
            except (ApiError, OSError, training_file.TrainingFileError) as error:
                if isinstance(error, ApiError) and error.status >= 500:
                    return JobError(code=error.code or "internal_error", message=error.message)
                message = f"The {param.replace('_', ' ')} '{file_id}' cannot be used: {error}"
                return JobError(code=f"invalid_{param}", message=message, param=param)
        return None

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            waiting = [job for job in self._jobs.values() if job.status == "queued"]
            if not waiting:
                await self._wake.wait()
                continue
            try:
                await self._run(waiting[0])
            except trainer_process.TrainingFailed as failure:
                self._fail(waiting[0], JobError(code=failure.code, message=failure.message))
            except OSError as error:
                log.exception("job %s failed", waiting[0].id)
                code = "disk_full" if error.errno in atomic.NO_ROOM else "internal_error"
                message = f"The engine could not run the job: {error.strerror}."
                self._fail(waiting[0], JobError(code=code, message=message))
            except Exception:
                log.exception("job %s failed", waiting[0].id)
                self._fail(
                    waiting[0], JobError(code="internal_error", message="The engine could not run the job.")
                )

    async def _run(self, job: Job) -> None:
        order = self._order(job)
        method, numbers = job.trains_by
        job.show_method(method, order.model_dump(include=set(numbers)))
        job.status = "running"
        self._save(job, Event(message="Fine-tuning job started"))
        done = await self._train(job, order)
        if done is not None:
            self._succeed(job, order, done)
        elif job.is_now("running"):  # somebody else has ended the trainer, kindly
            job.status = "queued"
            message = "The trainer was told to stop from outside: the job is queued again"
            self._save(job, Event(level="warn", message=message))

    def _succeed(self, job: Job, order: Order, done: Done) -> None:
        name = self._name(job)
        job.result_files = [self._files.add(order.losses, f"{job.id}.csv", "fine-tune-results").id]
        self._take_in(job, name, done)
        job.fine_tuned_model = name
        job.trained_tokens = done.trained_tokens
        job.finish("succeeded")
        self._save(
            job,
            Event(message=f"New fine-tuned model created: {name}"),
            Event(message="The job has successfully completed"),
        )
        self._folder_of(job).drop_state()  # last: a crash before this finds the model

    async def _train(self, job: Job, order: Order) -> Done | None:
        """Train in a child; None where the job was paused or cancelled."""
        self._models.sweep(self._name(job))
        pause = asyncio.Event()
        tell = partial(self._hear, job, _Clock())
        task = asyncio.create_task(trainer_process.train(self._folder_of(job).path, order, pause, tell))
        self._training[job.id] = _Training(task, pause)
        done = None
        try:
            done = await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not job.is_now("cancelled") or (current and current.cancelling()):
                raise  # the engine is stopping
        finally:
            del self._training[job.id]
            if done is None:
                self._models.sweep(self._name(job))
            if job.is_now("cancelled"):
                self._folder_of(job).drop_state()
        return None if job.is_now("cancelled") else done

    def _hear(self, job: Job, clock: _Clock, told: Event | Checkpoint) -> None:
        if isinstance(told, Checkpoint):
            name = f"{self._name(job)}:{checkpoint_suffix(told.step)}"
            self._take_in(job, name, told)
            told = Event(message=f"Checkpoint created at step {told.step}: {name}")
        elif told.data and "train_loss" in told.data:
            job.estimated_finish = clock.finish(told.data["step"], told.data["total_steps"])
        self._note(job, told)

    def _take_in(self, job: Job, name: str, made: Done | Checkpoint) -> None:
        self._models.add(
            Tuned(
                id=name,
                base=self._models.base.id,
                job=job.id,
                created=int(time.time()),
                is_checkpoint=isinstance(made, Checkpoint),
                hyperparameters=job.trains_by[1],
                **made.model_dump(),
            )
        )

    def _name(self, job: Job) -> str:
        return job.model_to_be(self._models.base.id)

    def _order(self, job: Job) -> Order:
        try:
            training = self._files.path(job.training_file)
            validation = self._files.path(job.validation_file) if job.validation_file else None
        except ApiError as error:
            raise trainer_process.TrainingFailed(
                "file_not_found", f"A file of the job was deleted: {error}"
            ) from error
        try:
            start = self._models.start_of(job.model)
        except ApiError as error:
            raise trainer_process.TrainingFailed(
                "model_not_found", f"The job's model is gone: {error}"
            ) from error
        folder = self._folder_of(job)
        method, numbers = job.trains_by
        return Order(
            base_id=self._models.base.id,
            base=self._models.base.path,
            start=start,
            unpacked=self._folder.parent / "unpacked",
            method=method,
            training_file=training,
            validation_file=validation,
            out=self._models.place(self._name(job)),
            state=folder.state,
            losses=folder.path / "losses.csv",
            seed=job.seed,
            longest=CONTEXT,
            **hyperparameters.resolve(
                method, numbers, training_file.count(training), further=start is not None
            ),
        )

    def _fail(self, job: Job, error: JobError) -> None:
        if job.status not in FINISHED:
            job.finish("failed", error)
            self._folder_of(job).drop_state()
            self._models.sweep(self._name(job))
            self._save(job, Event(level="error", message=error.message))

    def _save(self, job: Job, *events: Event) -> None:
        """Keep a job as it is now. Where the disk is full it is so in memory alone, until the next save."""
        try:
            self._folder_of(job).save(job)
        except OSError:
            log.exception("job %s cannot be saved", job.id)
        for event in events:
            self._note(job, event)

    def _note(self, job: Job, event: Event) -> None:
        try:
            self._folder_of(job).append(event)
        except OSError:
            log.exception("job %s: the event '%s' is lost", job.id, event.message)

    def _folder_of(self, job: Job) -> JobFolder:
        return JobFolder(self._folder / job.id)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
