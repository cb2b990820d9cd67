"""What becomes of jobs: models and checkpoints are added, and jobs succeed or fail."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.jobs.job_folder import JobStore
from engine.jobs.schema import FINISHED, Job, JobError, JobEvent
from engine.jobs.training_runner import TrainingFailed, TrainingRunner
from engine.storage import atomic
from engine.storage.files import FileStore
from engine.storage.models import ModelStore, TunedModel
from engine.training_request import Checkpoint, TrainingRequest, TrainingResult, checkpoint_suffix

log = logging.getLogger(__name__)


class JobOutcomes:
    """Writes down what trainings bring about."""

    def __init__(self, store: JobStore, files: FileStore, models: ModelStore, runner: TrainingRunner) -> None:
        self._store = store
        self._files = files
        self._models = models
        self._runner = runner

    def add_checkpoint(self, job: Job, checkpoint: Checkpoint) -> JobEvent:
        """Add a model that was saved during a job's training; return the event that tells of it."""
        name = f"{self._model_name(job)}:{checkpoint_suffix(checkpoint.step)}"
        self._add_model(job, name, checkpoint)
        return JobEvent(message=f"Checkpoint created at step {checkpoint.step}: {name}")

    def succeed(self, job: Job, request: TrainingRequest, result: TrainingResult) -> None:
        """Add the model that a job has trained, and finish the job."""
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
        self.delete_state(job)  # last: after a crash before this, the model is there

    def succeed_after_crash(self, job: Job) -> bool:
        """Finish a job if its model was saved before a crash; return whether it was."""
        name = self._model_name(job)
        if not self._models.has(name):
            return False
        model = self._models.get(name)
        job.fine_tuned_model = name
        job.reference_loss = model.reference_loss
        if "n_epochs" in model.hyperparameters:
            job.keep_epoch(int(model.hyperparameters["n_epochs"]))
        job.finish("succeeded")
        self._store.save(job, JobEvent(message=f"New fine-tuned model created: {name}"))
        return True

    def fail(self, job: Job, error: JobError) -> None:
        """Finish a job with an error, unless it has finished."""
        if job.status not in FINISHED:
            job.finish("failed", error)
            self.delete_state(job)
            self.remove_incomplete(job)
            self._store.save(job, JobEvent(level="error", message=error.message))

    @contextmanager
    def failing_on_error(self, job: Job) -> Iterator[None]:
        """Let a job fail with what goes wrong during the block, which then ends."""
        try:
            yield
        except TrainingFailed as failure:
            self.fail(job, JobError(code=failure.code, message=failure.message))
        except OSError as error:
            log.exception("job %s failed", job.id)
            self.fail(job, storage_error(error))
        except Exception:
            log.exception("job %s failed", job.id)
            self.fail(job, JobError(code="internal_error", message="The engine could not run the job."))

    def delete_state(self, job: Job) -> None:
        """Delete what a training that has ended would have gone on from."""
        self._runner.forget(self._store.folder(job).path)
        self._store.folder(job).delete_state()

    def remove_incomplete(self, job: Job) -> None:
        """Delete models of a job that were not saved to the end."""
        self._models.remove_incomplete(self._model_name(job))

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


def storage_error(error: OSError) -> JobError:
    """Return the error of a job whose files could not be read or written."""
    code = "disk_full" if error.errno in atomic.DISK_FULL_ERRNOS else "internal_error"
    return JobError(code=code, message=f"The engine could not run the job: {error.strerror}.")
