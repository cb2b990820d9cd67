"""Fine-tuning jobs: a queue, one training at a time, that survives restarts."""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

from engine import child, disk, recipe, training_file
from engine.errors import ApiError, not_found
from engine.files import Files
from engine.generation import CONTEXT
from engine.job import FINISHED, CreateJob, Event, Job, JobError, already_finished
from engine.job_folder import JobFolder
from engine.models import Models, Tuned
from engine.order import Order

log = logging.getLogger(__name__)


class Jobs:
    """All jobs, and the worker that runs them. Use as `async with`; leaving ends the training under way."""

    def __init__(self, folder: Path, files: Files, models: Models) -> None:
        """Point at the folder; `async with` reads it."""
        self._folder = folder
        self._files = files
        self._models = models
        self._jobs: dict[str, Job] = {}
        self._wake = asyncio.Event()
        self._training: dict[str, asyncio.Task[Any]] = {}
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
        if request.model != self._models.base.id:
            self._models.path(request.model)  # 404 for one that is unknown
            message = f"'{request.model}' is tuned already; only '{self._models.base.id}' can be fine-tuned."
            raise ApiError(400, message, code="model_not_available", param="model")
        for param in ("training_file", "validation_file"):
            file_id = getattr(request, param)
            if file_id is not None and not self._files.has(file_id):
                raise ApiError(400, f"There is no file '{file_id}'.", code="file_not_found", param=param)
        job = Job(
            id=disk.new_id("ftjob"),
            created_at=int(time.time()),
            model=request.model,
            training_file=request.training_file,
            validation_file=request.validation_file,
            seed=secrets.randbelow(2**31) if request.seed is None else request.seed,
            metadata=request.metadata,
            user_provided_suffix=request.suffix,
        )
        job.show_hyperparameters(request.numbers().shown())
        self._jobs[job.id] = job
        self._save(job, Event(message=f"Created fine-tuning job: {job.id}"))
        self._start(self._validate(job))
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

    def cancel(self, job_id: str) -> Job:
        """End a job at once, whatever it is doing. Raises ApiError for one that is over."""
        job = self.get(job_id)
        if job.status in FINISHED:
            raise already_finished(job)
        job.finish("cancelled")
        self._save(job, Event(message="The job has been cancelled"))
        if job_id in self._training:
            self._training[job_id].cancel()
        return job

    def _recover(self, job: Job) -> None:
        if job.status == "validating_files":
            self._start(self._validate(job))
        elif job.status in {"queued", "running"}:
            job.status = "queued"
            again = "The engine was restarted: the job is queued again and starts from the beginning"
            self._save(job, Event(level="warn", message=again))

    async def _validate(self, job: Job) -> None:
        if job.status in FINISHED:  # cancelled at once
            return
        self._save(job, Event(message=f"Validating training file: {job.training_file}"))
        for param in ("training_file", "validation_file"):
            file_id = getattr(job, param)
            if file_id is None:
                continue
            least = training_file.MIN_EXAMPLES if param == "training_file" else 1
            try:
                path = self._files.path(file_id)
                await asyncio.to_thread(training_file.read, path, at_least=least)
            except (ApiError, training_file.TrainingFileError) as error:
                message = f"The {param.replace('_', ' ')} '{file_id}' cannot be used: {error}"
                self._fail(job, JobError(code=f"invalid_{param}", message=message, param=param))
                return
        if job.status == "validating_files":  # not cancelled meanwhile
            job.status = "queued"
            self._save(job, Event(message="Files validated, moving job to queued state"))
            self._wake.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            waiting = [job for job in self._jobs.values() if job.status == "queued"]
            if not waiting:
                await self._wake.wait()
                continue
            try:
                await self._run(waiting[0])
            except child.TrainingFailed as failure:
                self._fail(waiting[0], JobError(code=failure.code, message=failure.message))
            except Exception:
                log.exception("job %s failed", waiting[0].id)
                self._fail(
                    waiting[0], JobError(code="internal_error", message="The engine could not run the job.")
                )

    async def _run(self, job: Job) -> None:
        name = job.model_to_be
        self._models.clear(name)
        order = self._order(job)
        job.show_hyperparameters(order.model_dump(include=set(job.hyperparameters)))
        job.status = "running"
        folder = self._folder_of(job)
        self._save(job, Event(message="Fine-tuning job started"))
        training = asyncio.create_task(child.train(folder.path, order, folder.append))
        self._training[job.id] = training
        try:
            done = await training
        except asyncio.CancelledError:
            if job.cancelled:
                return
            raise  # the engine is stopping
        finally:
            del self._training[job.id]
            if training.cancelled() or training.exception():
                self._models.clear(name)
        self._models.add(
            Tuned(
                id=name,
                base=job.model,
                job=job.id,
                created=int(time.time()),
                hyperparameters=job.hyperparameters,
                **done.model_dump(),
            )
        )
        job.fine_tuned_model = name
        job.trained_tokens = done.trained_tokens
        job.finish("succeeded")
        self._save(
            job,
            Event(message=f"New fine-tuned model created: {name}"),
            Event(message="The job has successfully completed"),
        )

    def _order(self, job: Job) -> Order:
        try:
            training = self._files.path(job.training_file)
            validation = self._files.path(job.validation_file) if job.validation_file else None
        except ApiError as error:
            raise child.TrainingFailed("file_not_found", f"A file of the job was deleted: {error}") from error
        return Order(
            base_id=job.model,
            base=self._models.base.path,
            training_file=training,
            validation_file=validation,
            out=self._models.place(job.model_to_be),
            seed=job.seed,
            longest=CONTEXT,
            **recipe.resolve(job.hyperparameters),
        )

    def _fail(self, job: Job, error: JobError) -> None:
        if job.status not in FINISHED:
            job.finish("failed", error)
            self._save(job, Event(level="error", message=error.message))

    def _save(self, job: Job, *events: Event) -> None:
        folder = self._folder_of(job)
        folder.save(job)
        for event in events:
            folder.append(event)

    def _folder_of(self, job: Job) -> JobFolder:
        return JobFolder(self._folder / job.id)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
