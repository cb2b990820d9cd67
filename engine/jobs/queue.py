"""The queue of fine-tuning jobs: validates their files, has them trained, and survives restarts."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Literal, Self

from engine.jobs import encoding
from engine.jobs.job_folder import JobStore
from engine.jobs.outcomes import JobOutcomes
from engine.jobs.schema import FINISHED, Job, JobEvent, other_base
from engine.jobs.training_requests import TrainingRequests
from engine.jobs.training_runner import TrainingRunner
from engine.jobs.trainings import Trainings
from engine.jobs.validation import JobValidator, TokenCount
from engine.jobs.weights_choice import WeightsChoice, WeightsChooser
from engine.logs import under_request_id
from engine.storage.files import FileStore
from engine.storage.models import ModelStore
from engine.training_request import MethodName, TrainingRequest

log = logging.getLogger(__name__)

_STOP_SECONDS = 30.0  # that running trainings have to save their state before the engine ends
_ROOM_SECONDS = 5.0  # between looks whether there is room for a job that waits for it


class JobQueue:
    """Runs the jobs of a store. Use as `async with`; leaving it has running trainings save and end."""

    def __init__(
        self,
        store: JobStore,
        files: FileStore,
        models: ModelStore,
        weights: WeightsChooser,
        tokenize: encoding.TurnTokenizer,
        runner: TrainingRunner,
    ) -> None:
        """Prepare; `async with` starts it. `tokenize` reads the chats of training files as serving does.

        Trainings are run by `runner`, as many at once as it has room for.
        """
        self._store = store
        self._models = models
        self._requests = TrainingRequests(store, files, models, weights)
        self._runner = runner
        self._validator = JobValidator(store, files, tokenize)
        self._outcomes = JobOutcomes(store, files, models, runner)
        self._trainings = Trainings(store, self._outcomes, runner)
        self._wake = asyncio.Event()
        self._validating = asyncio.Lock()  # one job after the other, so that they queue in order of creation
        self._validations: dict[str, asyncio.Task[None]] = {}
        self._waits: dict[str, str] = {}
        """What jobs wait for, by their ids, as their events tell it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._saving: set[asyncio.Task[None]] = set()
        """The tasks that are waited for when the engine stops."""
        self._is_stopping = False

    async def __aenter__(self) -> Self:
        """Recover the jobs that the last shutdown or crash interrupted, and start working."""
        for job in self._store.jobs.values():
            self._recover(job)
        self._save_at_stop(self._start_jobs())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop working, once running trainings have saved their state: the next start goes on with them."""
        self._is_stopping = True
        self._wake.set()
        if self._trainings:
            log.info("trainings save their state, for %.0f seconds at most", _STOP_SECONDS)
        self._trainings.pause_all()
        if self._saving:
            await asyncio.wait(self._saving, timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.close()

    def validate(self, job: Job) -> None:
        """Start validating a job's files; afterwards the job is queued or fails."""
        self._validations[job.id] = self._start(self._validate(job))
        self._validations[job.id].add_done_callback(lambda _: self._validations.pop(job.id))

    async def count_tokens(self, example: dict[str, Any], method: MethodName | None) -> TokenCount:
        """Count the tokens of an example as a job would."""
        return await self._validator.count_tokens(example, method)

    def notify(self) -> None:
        """Look for queued jobs now."""
        self._wake.set()

    def cancel(self, job: Job) -> None:
        """Stop the validation or training of a cancelled job."""
        if job.id in self._validations:
            self._validations[job.id].cancel()
        if job in self._trainings:
            self._trainings.cancel(job)
        else:
            self._outcomes.delete_state(job)
        self.notify()

    def pause(self, job: Job) -> None:
        """Pause the training of a paused job, if it is running."""
        self._trainings.pause(job)
        self.notify()

    def _recover(self, job: Job) -> None:
        if not job.is_of(self._models.base.id):
            self._hold(job)
        elif job.status == "validating_files":
            self.validate(job)
        elif job.status in {"running", "paused"} and self._outcomes.succeed_after_crash(job):
            return
        elif job.status in {"queued", "running"}:
            job.status = "queued"
            job.estimated_finish = None
            has_state = self._store.folder(job).has_state
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
            async with self._validating:
                self._store.save(job, JobEvent(message=f"Validating training file: {job.training_file}"))
                with suppress(OSError):  # the training tries again, and reports it
                    await self._runner.warm_up()
                error = await self._validator.find_error(job)
            if error is not None:
                self._outcomes.fail(job, error)
            else:
                job.status = "queued"
                self._store.save(job, JobEvent(message="Files validated, moving job to queued state"))
                self.notify()

    async def _start_jobs(self) -> None:
        """Start queued jobs, the oldest first, as long as there is room for another training."""
        while not self._is_stopping:
            self._wake.clear()
            job = self._next_job()
            if job is not None:
                with under_request_id(job.request_id):
                    if await self._start_or_fail(job):
                        continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if job is None else _ROOM_SECONDS)

    def _next_job(self) -> Job | None:
        if len(self._trainings) >= self._runner.at_once:
            return None
        queued = (job for job in self._store.jobs.values() if job.status == "queued")
        return next((job for job in queued if job not in self._trainings), None)

    async def _start_or_fail(self, job: Job) -> bool:
        """Return whether the job needs no further look for now: it has begun, ended or been paused."""
        with self._outcomes.failing_on_error(job):
            return await self._start_if_room(job)
        return True

    async def _start_if_room(self, job: Job) -> bool:
        choice = await self._requests.choose_weights(job)
        request = await self._requests.build(job, choice.weights)
        if not job.has_status("queued"):  # paused or cancelled meanwhile
            return True
        # a job that a former version queued has no token ids yet
        if not request.training_tokens.is_file() and (error := await self._validator.find_error(job)):
            self._outcomes.fail(job, error)
            return True
        if obstacle := await self._runner.obstacle(request):
            self._tell_wait(job, obstacle)
            return False
        if job.has_status("queued") and not self._is_stopping:
            self._begin(job, request, choice)
            await asyncio.sleep(0)  # so that the training is counted
        return True

    def _begin(self, job: Job, request: TrainingRequest, choice: WeightsChoice) -> None:
        self._waits.pop(job.id, None)
        method, numbers = job.training_method
        job.set_method(method, request.model_dump(include=set(numbers), exclude_none=True))
        job.status = "running"
        level: Literal["info", "warn"] = "warn" if choice.obstacle else "info"
        self._store.save(
            job, JobEvent(message="Fine-tuning job started"), JobEvent(level=level, message=f"{choice}")
        )
        self._save_at_stop(self._trainings.run(job, request)).add_done_callback(lambda _: self.notify())

    def _tell_wait(self, job: Job, obstacle: str) -> None:
        if self._waits.get(job.id) != obstacle and job.has_status("queued"):
            self._waits[job.id] = obstacle
            log.warning("job %s waits: %s", job.id, obstacle)
            self._store.append(job, JobEvent(level="warn", message=obstacle))

    def _save_at_stop(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._start(work)
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)
        return task

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
