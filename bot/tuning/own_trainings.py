"""Trainings of models of one's own at the embedded engine: start, follow, pause and end them."""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile

from openai.types.fine_tuning import FineTuningJob

from bot.errors import OutOfReach, ServerError, Unavailable, UserError
from bot.i18n.message import LocalizedMessage
from bot.store.job_schema import Method
from bot.tuning.follow import (
    TrainingTiming,
    has_ended,
    has_succeeded,
    out_of_reach,
    poll_until,
    progress_since_resumed,
)
from bot.tuning.losses import Losses, event_data, losses_from_events
from bot.tuning.model_names import described_training, training_name, trains_heroes
from bot.tuning.own_models import OwnModels, files_of
from bot.tuning.remote_api import METADATA_KEY, FineTuningApi, Training
from bot.tuning.training_files import TrainingFile

_SAVE_LIMIT = 150.0  # seconds; the engine kills a trainer that saves for longer than two minutes

OnProgress = Callable[[int, int, LocalizedMessage], None]
"""Is told the steps done, the steps in all (0 while they are unknown) and the phase."""


class OwnTrainings:
    """Starts and ends trainings at an engine, and follows them."""

    def __init__(
        self, fine_tuning: FineTuningApi, models: OwnModels, timing: TrainingTiming | None = None
    ) -> None:
        self._fine_tuning = fine_tuning
        self._models = models
        self._timing = timing or TrainingTiming(poll=0.5, slowest_poll=3.0)

    async def upload(self, files: Sequence[TrainingFile]) -> dict[str, str]:
        """Upload the files of a training, and return their ids by their parts.

        Raises UserError with the engine's reason if it refuses one; then it keeps none. Cancelled, nothing
        has begun, and the same files are found by the next upload.
        """
        ids: dict[str, str] = {}
        try:
            for file in files:
                ids[file.part] = await self._fine_tuning.files.upload(file, since=0)
        except UserError:
            await self._models.delete_files(ids.values())
            raise
        return ids

    async def start(self, training: Training, ids: dict[str, str]) -> FineTuningJob:
        """Start a training of uploaded files and return it.

        Raises UserError with the engine's reason if it refuses; then it keeps no file.
        """
        try:
            return await self._fine_tuning.get(await self._fine_tuning.start(training, ids))
        except UserError:
            await self._models.delete_files(ids.values())
            raise

    async def unfinished(self) -> list[FineTuningJob]:
        """Return the trainings that have not ended, in the order in which the engine takes them."""
        found = [job for job in await self._fine_tuning.list_trainings() if not has_ended(job)]
        found.reverse()  # the oldest first, also of those of one second
        return sorted(found, key=lambda job: (job.status != "running", job.created_at))

    async def unfinished_of_ones_own(self) -> list[FineTuningJob]:
        """Return the same without trainings of heroes, which the bot's own jobs follow."""
        return [job for job in await self.unfinished() if not trains_heroes(job)]

    async def in_training(self) -> list[str]:
        """Return the names of the trainings of one's own that go on now, or wait for their turn."""
        unfinished = await self.unfinished_of_ones_own()
        return [training_name(job) for job in unfinished if str(job.status) != "paused"]

    async def follow(self, job_id: str, on_progress: OnProgress) -> FineTuningJob:
        """Wait until a training succeeded and return it.

        Raises UserError with the reason if it failed, or if the engine is out of reach for minutes.
        """
        job = await self._fine_tuning.get(job_id)
        if str(job.status) == "paused":
            await self._fine_tuning.resume(job_id)

        seen = time.monotonic()

        async def phase_of_waiting(phase: LocalizedMessage) -> LocalizedMessage:
            """Name what the engine trains first, if the training waits for its turn."""
            if job.status != "queued":
                return phase
            others = takewhile(lambda other: other.id != job_id, await self.unfinished())
            if ahead := [described_training(other) for other in others if str(other.status) != "paused"]:
                return LocalizedMessage("waiting for its turn, after {names}", names=", ".join(ahead))
            return phase

        async def is_over() -> bool:
            nonlocal job, seen
            try:
                job = await self._fine_tuning.get(job_id)
            except OutOfReach:  # it may be starting again, and will go on with the training
                if time.monotonic() - seen > self._timing.missing_limit:
                    raise
                on_progress(0, 0, out_of_reach(self._fine_tuning.provider))
                return False
            seen = time.monotonic()
            done, total, phase = progress_since_resumed(job, await self._fine_tuning.newest_events(job_id))
            on_progress(done, total, await phase_of_waiting(phase))
            return has_succeeded(job, self._fine_tuning.provider)

        try:
            await poll_until(is_over, self._timing)
        except UserError as error:
            if not has_ended(job):
                raise
            raise await self._cleared(job, error) from error
        return job

    async def _cleared(self, job: FineTuningJob, error: UserError) -> UserError:
        """Clear what a training without a model has left; return the error that says why it has ended."""
        await self._clear(job)
        if str(job.status) != "cancelled":
            return error
        return UserError(
            "The training was ended meanwhile, perhaps from another terminal: nothing of it is kept. To "
            "train anew, start the same command again."
        )

    async def pause(self, job_id: str) -> bool:
        """Pause a training, and wait until what it has learnt is saved. To follow it again goes on with it.

        Return False if it could not be paused: it has ended, or the engine is out of reach.
        """
        job = await self._fine_tuning.get(job_id)

        async def is_checked() -> bool:  # before, it cannot be paused
            nonlocal job
            job = await self._fine_tuning.get(job_id)
            return str(job.status) != "validating_files"

        await poll_until(is_checked, self._timing)
        saved_before = await self._times_saved(job_id)
        if not await self._fine_tuning.pause(job_id):
            return False
        deadline = time.monotonic() + _SAVE_LIMIT

        async def is_saved() -> bool:
            return await self._times_saved(job_id) > saved_before or time.monotonic() > deadline

        if job.status == "running":
            await poll_until(is_saved, self._timing)
        return True

    async def _times_saved(self, job_id: str) -> int:
        return sum("paused" in event_data(event) for event in await self._fine_tuning.all_events(job_id))

    async def cancel(self, job: FineTuningJob) -> None:
        """End a training for good; nothing of it is kept."""
        await self._fine_tuning.cancel(job.id)
        await self._clear(job)

    async def _clear(self, job: FineTuningJob) -> None:
        """Delete what a training without a model has left: its files, and the models of its epochs."""
        for checkpoint in await self._fine_tuning.checkpoints(job.id):
            with suppress(Unavailable, ServerError):
                await self._models.delete_weights(checkpoint)
        await self._models.delete_files(files_of(job))

    async def losses(self, job_id: str) -> Losses:
        """Return the losses of a training, as far as they were measured."""
        return losses_from_events(await self._fine_tuning.all_events(job_id))


def plan_training(
    files: Sequence[TrainingFile], *, base: str, epochs: int | None, name: str, method: Method
) -> Training:
    """Return a training of files; the same of everything is the same training, by its key."""
    key = hashlib.sha256(repr((sorted(file.name for file in files), base, epochs, name)).encode())
    return Training(base, method, epochs, key.hexdigest(), name)


def is_training(job: FineTuningJob, training: Training) -> bool:
    """Return whether a job of the engine is a training that was planned."""
    return (job.metadata or {}).get(METADATA_KEY) == training.key
