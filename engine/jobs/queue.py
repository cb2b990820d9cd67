"""The queue of fine-tuning jobs: validates their files, trains one at a time, and survives restarts."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Self

from engine.errors import ApiError, as_clause
from engine.jobs import encoding, trainer_process, training_file
from engine.jobs.job_folder import JobStore
from engine.jobs.schema import FINISHED, Job, JobError, JobEvent, other_base
from engine.jobs.trainer_template import TrainerTemplate
from engine.jobs.training_requests import TrainingRequests
from engine.jobs.weights_choice import WeightsChooser
from engine.limits import CONTEXT
from engine.logs import under_request_id
from engine.storage import atomic
from engine.storage.files import FileStore
from engine.storage.models import ModelStore, TunedModel
from engine.training_request import (
    Checkpoint,
    MethodName,
    ReferenceLoss,
    TrainingRequest,
    TrainingResult,
    checkpoint_suffix,
)

log = logging.getLogger(__name__)

_STOP_SECONDS = 30.0  # that a running training has to save its state before the engine ends


@dataclass(frozen=True)
class _RunningTraining:
    """The handles to end or pause a running training."""

    task: asyncio.Task[TrainingResult | None]
    pause: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of an example, or why no job would learn from it."""

    tokens: int | None = None
    error: str | None = None


class JobQueue:
    """Runs the jobs of a store. Use as `async with`; leaving it has the running training save and end."""

    def __init__(
        self,
        store: JobStore,
        files: FileStore,
        models: ModelStore,
        weights: WeightsChooser,
        tokenize: encoding.TurnTokenizer,
        template: TrainerTemplate,
    ) -> None:
        """Prepare; `async with` starts it. `tokenize` reads the chats of training files as serving does.

        Trainers start from `template`.
        """
        self._store = store
        self._tokenize = tokenize
        self._files = files
        self._models = models
        self._requests = TrainingRequests(store, files, models, weights)
        self._template = template
        self._wake = asyncio.Event()
        self._validating = asyncio.Lock()  # one job after the other, so that they queue in order of creation
        self._validations: dict[str, asyncio.Task[None]] = {}
        self._trainings: dict[str, _RunningTraining] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def __aenter__(self) -> Self:
        """Recover the jobs that the last shutdown or crash interrupted, and start working."""
        for job in self._store.jobs.values():
            self._recover(job)
        self._runner = self._start(self._run_jobs())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop working, once a running training has saved its state: the next start goes on with it."""
        self._is_stopping = True
        self._wake.set()
        for training in self._trainings.values():
            log.info("a training saves its state, for %.0f seconds at most", _STOP_SECONDS)
            training.pause.set()
        if self._runner is not None:
            await asyncio.wait([self._runner], timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._template.close()

    def validate(self, job: Job) -> None:
        """Start validating a job's files; afterwards the job is queued or fails."""
        self._validations[job.id] = self._start(self._validate(job))
        self._validations[job.id].add_done_callback(lambda _: self._validations.pop(job.id))

    async def count_tokens(self, example: dict[str, Any], method: MethodName | None) -> TokenCount:
        """Count the tokens of an example as a job would."""
        try:
            parsed = training_file.parse(example, method)
            return TokenCount(tokens=await encoding.count_tokens(parsed, self._tokenize))
        except training_file.TrainingFileError as error:
            return TokenCount(error=str(error))
        except ValueError as error:
            return TokenCount(error=as_clause(str(error)))

    def notify(self) -> None:
        """Look for queued jobs now."""
        self._wake.set()

    def cancel(self, job: Job) -> None:
        """Stop the validation or training of a cancelled job."""
        if job.id in self._validations:
            self._validations[job.id].cancel()
        if job.id in self._trainings:
            self._trainings[job.id].task.cancel()
        else:
            self._store.folder(job).delete_state()

    def pause(self, job: Job) -> None:
        """Pause the training of a paused job, if it is running."""
        if job.id in self._trainings:
            self._trainings[job.id].pause.set()

    def _recover(self, job: Job) -> None:
        name = self._model_name(job)
        if not job.is_of(self._models.base.id):
            self._hold(job)
        elif job.status == "validating_files":
            self.validate(job)
        elif job.status in {"running", "paused"} and self._models.has(
            name
        ):  # the crash came after the model was saved
            model = self._models.get(name)
            job.fine_tuned_model = name
            job.reference_loss = model.reference_loss
            if "n_epochs" in model.hyperparameters:
                job.keep_epoch(int(model.hyperparameters["n_epochs"]))
            job.finish("succeeded")
            self._store.save(job, JobEvent(message=f"New fine-tuned model created: {name}"))
        elif job.status in {"queued", "running"}:
            job.status = "queued"
            job.estimated_finish = None
            has_state = self._store.folder(job).state.is_file()
            start = "resumes from its last checkpoint" if has_state else "starts from the beginning"
            message = f"The engine was restarted: the job is queued again and {start}"
            self._store.save(job, JobEvent(level="warn", message=message))

    def _hold(self, job: Job) -> None:
        """Pause a job of another base than the one that is served: it can go on when that is served again."""
        if job.status not in FINISHED and job.status != "paused":
            job.status = "paused"
            job.estimated_finish = None
            message = f"{other_base(job, self._models.base.id)} Until then it is paused."
            self._store.save(job, JobEvent(level="warn", message=message))

    async def _validate(self, job: Job) -> None:
        with under_request_id(job.request_id):
            await self._validate_or_fail(job)

    async def _validate_or_fail(self, job: Job) -> None:
        async with self._validating:
            self._store.save(job, JobEvent(message=f"Validating training file: {job.training_file}"))
            with suppress(OSError):  # the training tries again, and reports it
                await self._template.warm_up()
            try:
                error = await self._validate_files(job)
            except Exception:
                log.exception("the files of job %s could not be validated", job.id)
                error = JobError(code="internal_error", message="The engine could not check the job's files.")
        if error is not None:
            self._fail(job, error)
        else:
            job.status = "queued"
            self._store.save(job, JobEvent(message="Files validated, moving job to queued state"))
            self.notify()

    async def _validate_files(self, job: Job) -> JobError | None:
        """Write the token ids of the job's files; return the first error in them."""
        method, _ = job.training_method
        for param, file_id in job.files().items():
            at_least = training_file.MIN_EXAMPLES if param == "training_file" else 1
            try:
                await encoding.encode_file(
                    self._files.path(file_id),
                    self._store.folder(job).tokens(param),
                    "supervised" if param == "reference_file" else method,
                    at_least=at_least,
                    max_tokens=CONTEXT,
                    tokenize=self._tokenize,
                )
            except OSError as error:
                return _storage_error(error)
            except (ApiError, training_file.TrainingFileError) as error:
                if isinstance(error, ApiError) and error.status >= 500:
                    return JobError(code=error.code or "internal_error", message=error.message)
                message = f"The {param.replace('_', ' ')} cannot be used: {error}"
                return JobError(code=f"invalid_{param}", message=message, param=param)
        return None

    async def _run_jobs(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            job = next((job for job in self._store.jobs.values() if job.status == "queued"), None)
            if job is None:
                await self._wake.wait()
                continue
            with under_request_id(job.request_id):
                await self._run_or_fail(job)

    async def _run_or_fail(self, job: Job) -> None:
        try:
            await self._run(job)
        except trainer_process.TrainingFailed as failure:
            self._fail(job, JobError(code=failure.code, message=failure.message))
        except OSError as error:
            log.exception("job %s failed", job.id)
            self._fail(job, _storage_error(error))
        except Exception:
            log.exception("job %s failed", job.id)
            message = "The engine could not run the job."
            self._fail(job, JobError(code="internal_error", message=message))

    async def _run(self, job: Job) -> None:
        choice = await self._requests.choose_weights(job)
        request = await self._requests.build(job, choice.weights)
        if not job.has_status("queued"):  # paused or cancelled meanwhile
            return
        # a job that a former version queued has no token ids yet
        if not request.training_tokens.is_file() and (error := await self._validate_files(job)):
            self._fail(job, error)
            return
        if self._is_stopping:
            return
        method, numbers = job.training_method
        job.set_method(method, request.model_dump(include=set(numbers), exclude_none=True))
        job.status = "running"
        level: Literal["info", "warn"] = "warn" if choice.obstacle else "info"
        self._store.save(
            job, JobEvent(message="Fine-tuning job started"), JobEvent(level=level, message=f"{choice}")
        )
        result = await self._train(job, request)
        if result is not None:
            self._succeed(job, request, result)
        elif job.has_status("running"):
            job.status = "queued"
            cause = "The engine is stopping" if self._is_stopping else "The trainer was stopped from outside"
            message = f"{cause}: the job is queued again"
            self._store.save(job, JobEvent(level="warn", message=message))
        elif job.has_status("paused"):
            message = "The trainer has saved its state and ended"
            self._store.append(job, JobEvent(message=message, data={"paused": True}))

    def _succeed(self, job: Job, request: TrainingRequest, result: TrainingResult) -> None:
        name = self._model_name(job)
        job.result_files = [self._files.add(request.losses, f"{job.id}.csv", "fine-tune-results").id]
        if result.epoch is not None:
            job.keep_epoch(result.epoch)
        self._add_model(job, name, result)
        job.fine_tuned_model = name
        job.trained_tokens = result.trained_tokens
        job.reference_loss = result.reference_loss
        job.finish("succeeded")
        self._store.save(
            job,
            JobEvent(message=f"New fine-tuned model created: {name}"),
            JobEvent(message="The job has successfully completed"),
        )
        self._store.folder(job).delete_state()  # last: after a crash before this, the model is there

    async def _train(self, job: Job, request: TrainingRequest) -> TrainingResult | None:
        """Train in a child process; return None if the job was paused or cancelled."""
        self._models.remove_incomplete(self._model_name(job))
        pause = asyncio.Event()
        on_message = partial(self._handle_message, job)
        folder = self._store.folder(job)
        task = asyncio.create_task(
            trainer_process.train(self._template, folder.path, request, pause, on_message)
        )
        self._trainings[job.id] = _RunningTraining(task, pause)
        result = None
        try:
            result = await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not job.has_status("cancelled") or (current and current.cancelling()):
                raise  # the engine is stopping
        finally:
            del self._trainings[job.id]
            job.estimated_finish = None
            if result is None:
                self._models.remove_incomplete(self._model_name(job))
            if job.has_status("cancelled"):
                folder.delete_state()
        return None if job.has_status("cancelled") else result

    def _handle_message(self, job: Job, message: JobEvent | Checkpoint) -> None:
        if isinstance(message, Checkpoint):
            name = f"{self._model_name(job)}:{checkpoint_suffix(message.step)}"
            self._add_model(job, name, message)
            message = JobEvent(message=f"Checkpoint created at step {message.step}: {name}")
        elif message.data and "seconds_left" in message.data:
            job.estimated_finish = round(time.time() + message.data["seconds_left"])
        elif message.data and "reference_loss" in message.data:
            job.reference_loss = ReferenceLoss.model_validate(message.data["reference_loss"])
            self._store.save(job)
        self._store.append(job, message)

    def _add_model(self, job: Job, name: str, result: TrainingResult) -> None:
        _, numbers = job.training_method
        self._models.add(
            TunedModel(
                id=name,
                base=self._models.base.id,
                job=job.id,
                created=int(time.time()),
                is_checkpoint=isinstance(result, Checkpoint),
                weights=numbers.get("weights", "adapter"),
                hyperparameters={name: value for name, value in numbers.items() if name != "weights"},
                **result.model_dump(exclude={"epoch"}),
            )
        )

    def _model_name(self, job: Job) -> str:
        return job.model_name(self._models.base.id)

    def _fail(self, job: Job, error: JobError) -> None:
        if job.status not in FINISHED:
            job.finish("failed", error)
            self._store.folder(job).delete_state()
            self._models.remove_incomplete(self._model_name(job))
            self._store.save(job, JobEvent(level="error", message=error.message))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _storage_error(error: OSError) -> JobError:
    code = "disk_full" if error.errno in atomic.DISK_FULL_ERRNOS else "internal_error"
    return JobError(code=code, message=f"The engine could not run the job: {error.strerror}.")
