"""Build what the trainer is asked to do, from a job, its files and its model."""

import asyncio

from engine import hyperparameters
from engine.errors import ApiError
from engine.jobs import encoding, training_file
from engine.jobs.job_folder import JobStore
from engine.jobs.schema import Job
from engine.jobs.training_runner import TrainingFailed
from engine.jobs.weights_choice import WeightsChoice, WeightsChooser
from engine.limits import CONTEXT
from engine.model_size import ModelSize
from engine.storage.files import FileStore
from engine.storage.models import ModelStore
from engine.training_request import TrainedWeights, TrainingRequest


class TrainingRequests:
    """Knows where everything of a job lies."""

    def __init__(
        self, store: JobStore, files: FileStore, models: ModelStore, weights: WeightsChooser
    ) -> None:
        self._store = store
        self._files = files
        self._models = models
        self._weights = weights

    async def choose_weights(self, job: Job) -> WeightsChoice:
        """Return what the job's training changes: what it did when it began, if it goes on.

        Raises TrainingFailed if the model was deleted, or the machine is too small.
        """
        _, numbers = job.training_method
        wanted = numbers.get("weights", "adapter")  # a job of version 0.2 says nothing
        try:
            start = self._models.start(job.model)
        except ApiError as error:
            raise TrainingFailed("model_not_found", f"The job's model is gone: {error}") from error
        if self._store.folder(job).has_state:
            return WeightsChoice(wanted)
        epochs = hyperparameters.EPOCHS if numbers["n_epochs"] == "auto" else numbers["n_epochs"]
        try:
            return await self._weights.choose(wanted, start, epochs, longest=await self._longest(job))
        except ApiError as error:
            raise TrainingFailed(error.code or "", error.message) from error

    async def build(self, job: Job, weights: TrainedWeights) -> TrainingRequest:
        """Return the request. Raises TrainingFailed if a file was deleted."""
        try:
            training, *_ = [self._files.path(file_id) for file_id in job.files().values()]
        except ApiError as error:
            raise TrainingFailed("file_not_found", f"A file of the job was deleted: {error}") from error
        folder = self._store.folder(job)
        method, numbers = job.training_method
        examples = training_file.count_examples(training)
        tuned = self._models.get(job.model) if self._models.has(job.model) else None
        base = self._models.base
        tokens = folder.tokens("training_file")
        labels = await asyncio.to_thread(encoding.count_labels, tokens) if method == "kto" else {}
        return TrainingRequest(
            base_id=base.id,
            base=base.path,
            size=await asyncio.to_thread(ModelSize.read, base.path),
            start=self._models.folder(job.model) if tuned else None,
            unpacked=self._store.base_cache,
            method=method,
            training_tokens=tokens,
            validation_tokens=folder.tokens("validation_file") if job.validation_file else None,
            reference_tokens=folder.tokens("reference_file") if job.reference_file else None,
            out=self._models.folder(job.model_name(base.id)),
            state=folder.state,
            losses=folder.path / "losses.csv",
            picks_epoch=job.picks_epoch,
            seed=job.seed,
            max_length=CONTEXT,
            longest_example=await self._longest(job),
            **hyperparameters.resolve_auto(
                method,
                weights,
                {"weights": weights} | numbers,
                examples,
                from_tuned=tuned is not None,
                adapter=tuned.adapter if tuned else None,
                labels=labels,
            ),
        )

    async def _longest(self, job: Job) -> int:
        """Return how many tokens of an example must be computed at once; 0 if its file is not encoded yet."""
        tokens = self._store.folder(job).tokens("training_file")
        if not tokens.is_file():
            return 0
        return await asyncio.to_thread(encoding.longest_example, tokens, job.training_method[0])
