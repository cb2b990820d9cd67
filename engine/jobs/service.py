"""What the API does with fine-tuning jobs: create, get, list, cancel, pause and resume them."""

import secrets
import time

from engine import hyperparameters
from engine.errors import ApiError, not_found
from engine.ids import new_id
from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.schema import (
    FILE_PARAMS,
    FINISHED,
    CountTokensRequest,
    CreateJobRequest,
    Hyperparameters,
    Job,
    JobCheckpoint,
    JobEvent,
    already_finished,
    other_base,
    wrong_status,
)
from engine.jobs.validation import TokenCount
from engine.jobs.weights_choice import WeightsChoice, WeightsChooser, WeightsSetting
from engine.logs import current_request_id
from engine.storage.files import FileStore
from engine.storage.models import ModelStore, TunedModel


class JobService:
    """Changes jobs on request, and tells the queue that runs them."""

    def __init__(
        self,
        store: JobStore,
        files: FileStore,
        models: ModelStore,
        weights: WeightsChooser,
        queue: JobQueue,
    ) -> None:
        self._weights = weights
        self._store = store
        self._files = files
        self._models = models
        self._queue = queue

    def create(self, request: CreateJobRequest) -> Job:
        """Create a job; its files are validated afterwards.

        Raises ApiError if its model or a file is unknown.
        """
        method = request.chosen_method()
        numbers = method.hyperparameters
        start = self._models.start(request.model)
        self._weights.check(numbers.wanted_weights or "auto", start)
        _require_same_adapter(numbers, start)
        for param in FILE_PARAMS:
            file_id = getattr(request, param)
            if file_id is not None and not self._files.has(file_id):
                raise ApiError(400, f"There is no file '{file_id}'.", code="file_not_found", param=param)
        job = Job(
            id=new_id("ftjob"),
            created_at=int(time.time()),
            model=request.model,
            training_file=request.training_file,
            validation_file=request.validation_file,
            reference_file=request.reference_file,
            seed=secrets.randbelow(2**31) if request.seed is None else request.seed,
            metadata=request.metadata,
            user_provided_suffix=request.suffix,
            request_id=current_request_id() or None,
            picks_epoch=(method.type, numbers.n_epochs) == ("supervised", None)
            and request.validation_file is not None,
        )
        job.set_method(method.type, numbers.with_auto() | {"weights": numbers.wanted_weights or "auto"})
        self._store.add(job)
        self._store.append(job, JobEvent(message=f"Created fine-tuning job: {job.id}"))
        self._queue.validate(job)
        return job

    async def choose_weights(self, model: str, wanted: WeightsSetting) -> WeightsChoice:
        """Return what a training of the model would change if it began now.

        Raises ApiError if the model is unknown, or what is wanted is not possible.
        """
        return await self._weights.choose(wanted, self._models.start(model), hyperparameters.EPOCHS)

    async def count_tokens(self, request: CountTokensRequest) -> list[TokenCount]:
        """Count the tokens of each example as a job with the method would."""
        return [await self._queue.count_tokens(example, request.method) for example in request.examples]

    def get(self, job_id: str) -> Job:
        """Return a job. Raises a 404 if it is unknown."""
        if job_id not in self._store.jobs:
            raise not_found(
                f"There is no fine-tuning job '{job_id}'.", code="fine_tune_not_found", param="id"
            )
        return self._store.jobs[job_id]

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return list(reversed(self._store.jobs.values()))

    def events(self, job_id: str) -> list[JobEvent]:
        """Return a job's events, the newest first. Raises a 404 if the job is unknown."""
        return self._store.folder(self.get(job_id)).events()

    def checkpoints(self, job_id: str) -> list[JobCheckpoint]:
        """Return the models that a job saved, the latest first. Raises a 404 if the job is unknown."""
        job = self.get(job_id)
        return [
            JobCheckpoint(
                id=f"ftckpt-{job.id.removeprefix('ftjob-')}-{model.step}",
                created_at=model.created,
                fine_tuned_model_checkpoint=model.id,
                fine_tuning_job_id=job.id,
                step_number=model.step or 0,
                metrics={
                    "step": model.step,
                    "train_loss": model.train_loss,
                    "full_valid_loss": model.valid_loss.get(str(model.step)),
                },
            )
            for model in self._models.checkpoints(job.id)
        ]

    def cancel(self, job_id: str) -> Job:
        """End a job at once, whatever its status. Raises ApiError if it has already finished."""
        job = self._unfinished(job_id)
        job.finish("cancelled")
        self._store.save(job, JobEvent(message="The job has been cancelled"))
        self._queue.cancel(job)
        return job

    def pause(self, job_id: str) -> Job:
        """Pause a queued job, or a running one after its next step. Raises ApiError for any other."""
        job = self._unfinished(job_id)
        if not job.has_status("queued", "running"):
            raise wrong_status(job, "paused")
        job.status = "paused"
        job.estimated_finish = None
        self._store.save(job, JobEvent(message="The job has been paused"))
        self._queue.pause(job)
        return job

    def resume(self, job_id: str) -> Job:
        """Queue a paused job again; its training resumes where it was. Raises ApiError for any other."""
        job = self._unfinished(job_id)
        if not job.has_status("paused"):
            raise wrong_status(job, "resumed")
        if not job.is_of(self._models.base.id):
            raise other_base(job, self._models.base.id)
        job.status = "queued"
        self._store.save(job, JobEvent(message="The job has been resumed and is queued again"))
        self._queue.notify()
        return job

    def require_no_start(self, model: str) -> None:
        """Raise a 400 if an unfinished job trains a model or a checkpoint of it further: it needs them."""
        for job in self._store.jobs.values():
            if job.status not in FINISHED and (job.model == model or job.model.startswith(f"{model}:")):
                message = (
                    f"The unfinished job '{job.id}' trains '{model}' further: cancel it, or wait until it "
                    "has finished."
                )
                raise ApiError(400, message, code="model_in_use", param="model")

    def _unfinished(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job.status in FINISHED:
            raise already_finished(job)
        return job


def _require_same_adapter(numbers: Hyperparameters, start: TunedModel | None) -> None:
    """Raise a 400 for a rank that the adapter of the model to start from does not have."""
    if start is None or start.adapter is None:
        return
    rank, rs = start.adapter.rank, start.adapter.rs
    if numbers.lora_rank not in {None, rank} or numbers.lora_rs not in {None, rs}:
        scaled = f"rank {rank}{', scaled by its square root (lora_rs)' if rs else ''}"
        message = f"The adapter of '{start.id}' has {scaled}: one that is trained further keeps them."
        raise ApiError(400, message, code="invalid_parameter_combination", param="method")
