"""Fine-tuning: a dataset goes to the model server, which trains on it; the result is registered."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import openai
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import OutOfReach, Unavailable, UnknownModel, UserError
from bot.jobs import JobBoard
from bot.llm.budget import Account, Budget
from bot.llm.patience import asked_pause
from bot.store import datasets, jobs
from bot.store.database import Database
from bot.store.jobs import Job
from bot.tuning.debut import Debut
from bot.tuning.forecast import KINDS, FinetuneSpec, TuningForecast, TuningForecaster
from bot.tuning.losses import Losses, data_of, from_csv, from_events
from bot.tuning.providers import Method
from bot.tuning.registry import Registry
from bot.tuning.trainer import Trainer, Training, Uncertain
from bot.tuning.training_files import training_files
from bot.worker import Run

log = logging.getLogger(__name__)

_START_PAUSES = (2.0, 10.0, 30.0, 60.0)  # seconds before looking again whether a training was started
_POLL = 1.0  # seconds between two looks at the server's job, at first
_SLOWEST_POLL = 15.0
_OUT_OF_REACH = "the model server is out of reach; waiting for it"

_QUESTION = (
    "Was a training started at the model server for this? The call's answer got lost, and the server shows "
    "nothing "
    "by which it could be told. Look at its list of jobs, then answer: give the job's id, or say that there "
    "is none."
)


class FinetuneJobs:
    """Plans, orders and carries out fine-tuning at whatever server trains."""

    def __init__(
        self,
        db: Database,
        board: JobBoard,
        trainer: Trainer,
        budget: Budget,
        registry: Registry,
        forecaster: TuningForecaster,
        debut: Debut,
        *,
        base: str,
    ) -> None:
        self._db = db
        self._board = board
        self._trainer = trainer
        self._budget = budget
        self._registry = registry
        self._forecaster = forecaster
        self._debut = debut
        self._base = base

    async def plan(
        self,
        *,
        dataset: int | None = None,
        base: str | None = None,
        method: Method | None = None,
        epochs: int | None = None,
        **origin: int | None,
    ) -> tuple[Job, TuningForecast]:
        """Write a fine-tuning down and say what it will take; it waits for the board's confirm().

        What is left out: the newest dataset of the method's kind, the method of the dataset's kind,
        BASE_MODEL (for preference tuning the live model), the server's choice of epochs. origin: requester_id
        and channel_id, where it was ordered in Discord. Raises UserError where there is no such dataset or it
        does not fit, Busy where a fine-tuning runs.
        """
        spec = await self._spec(dataset, base, method, epochs)
        if spec.method not in self._trainer.provider.methods:
            raise UserError(
                f"Preference tuning is not known to {self._trainer.provider.name}. Leave the method out, or "
                "train elsewhere."
            )
        forecast = await self._forecaster.forecast(spec)
        await self._budget.check_training(Account("tuning"), spec.base, forecast.tokens * forecast.epochs)
        return await self._board.plan("finetune", asdict(spec), **origin), forecast

    async def order(self, **wanted: Any) -> tuple[Job, TuningForecast]:
        """Plan a fine-tuning and confirm it in one go."""
        job, forecast = await self.plan(**wanted)
        return await self._board.confirm(job.id), forecast

    async def _spec(
        self, version: int | None, base: str | None, method: Method | None, epochs: int | None
    ) -> FinetuneSpec:
        async with self._db.read() as tx:
            found = await (
                datasets.latest(tx, KINDS[method or "supervised"])
                if version is None
                else datasets.get(tx, version)
            )
        if found is None:
            missing = f"There is no dataset v{version}" if version else "There is no dataset yet"
            if method == "dpo" and version is None:
                missing = "There is no dataset of rated pairs yet"
            raise UserError(f"{missing}. Make one with /build-dataset, then run /finetune again.")
        method = method or ("dpo" if found.kind == "preference" else "supervised")
        if base is None:
            live = await self._registry.live() if method == "dpo" else None
            base = live.name if live else self._base
        return FinetuneSpec(found.id, base, epochs, method)

    async def run(self, run: Run) -> dict[str, Any]:
        """Carry the job out. Its result: the model, its held-out losses, what its end is told with.

        The server's names of files and training are in the row before they are used, and the moment of asking
        for a training before it is asked for: so a job that is taken up again goes on where it was. Raises
        UserError with the server's reason where the training failed.
        """
        spec = FinetuneSpec(**run.job.spec)
        remote_id = run.job.remote_job_id or await self._begin(run, spec)
        remote = await self._follow(run, remote_id)
        await self._budget.book_training(Account("tuning", run.job.id), spec.base, remote.trained_tokens or 0)
        losses = await self._losses(remote)
        await run.note(phase="taking the model in")
        arrival = await self._debut.register(run.job.id, spec, remote, losses)
        model = arrival.model
        await run.note(phase="writing three heroes to compare")
        shown = await self._debut.show(run.job.id, model, arrival.live, losses)
        return {
            "model": model.id,
            "name": model.name,
            "state": model.state,
            "dataset": spec.dataset,
            "trained_tokens": remote.trained_tokens,
            "seconds": round(time.time() - (run.job.started_at or time.time()), 1),
            "deploy": arrival.left_to_do,
            **losses.held_out,
            **shown,
        }

    async def pause(self, run: Run) -> None:
        """Tell the server to hold the training; where it cannot, the row says so."""
        remote_id = run.job.remote_job_id
        if remote_id is None:
            await run.say("nothing is under way at the model server")
        elif await self._trainer.pause(remote_id):
            await run.say("held at the model server")
        else:
            await run.say("the model server cannot hold it: it trains on, and Resume follows it again")

    async def cancel(self, run: Run) -> None:
        """Cancel the server's training."""
        remote_id = run.job.remote_job_id
        if remote_id is None and run.job.remote_asked_at and run.job.remote_file_ids:
            training = _training(run.job, FinetuneSpec(**run.job.spec))
            with suppress(Uncertain):
                remote_id = await self._found(run, training, run.job.remote_file_ids, run.job.remote_asked_at)
        if remote_id:
            await self._trainer.cancel(remote_id)

    async def _begin(self, run: Run, spec: FinetuneSpec) -> str:
        """Send what the server lacks and start the training there, or find the one that was started."""
        training = _training(run.job, spec)
        files = await self._send(run, spec)
        asked_at = run.job.remote_asked_at
        remote_id = await self._find(run, training, files, asked_at) if asked_at else None
        if remote_id is None:
            remote_id = await self._start(run, training, files)
        await run.note(remote_job_id=remote_id)
        return remote_id

    async def _send(self, run: Run, spec: FinetuneSpec) -> dict[str, str]:
        """Send each side that has texts, and wait until the server has read it; its names by split."""
        await run.progress(0, 0, "sending the dataset")
        async with self._db.read() as tx:
            items = await datasets.items(tx, spec.dataset)
        await self._check_budget(run, spec)
        files = dict(run.job.remote_file_ids or {})
        for file in training_files(items, prefix=self._trainer.provider.prefix):
            if file.split not in files:
                files[file.split] = await self._trainer.send(file, since=run.job.started_at or time.time())
                await run.note(remote_file_ids=files)
        for file_id in files.values():
            await _until(lambda file_id=file_id: self._trainer.is_read(file_id))  # type: ignore[misc]
        return files

    async def _check_budget(self, run: Run, spec: FinetuneSpec) -> None:
        forecast = await self._forecaster.forecast(spec)
        account = Account("tuning", run.job.id)
        await self._budget.check_training(account, spec.base, forecast.tokens * forecast.epochs)

    async def _start(self, run: Run, training: Training, files: dict[str, str]) -> str:
        """Start the training once: where the answer got lost, look whether it began before trying again."""
        asked_at = time.time()
        for pause in _START_PAUSES:
            await run.note(remote_asked_at=asked_at)
            try:
                return await self._trainer.start(training, files)
            except OutOfReach as error:
                wait = max(pause, asked_pause(error.__cause__) or 0.0)
                log.warning("job %d: was the training started? looking in %.0f s", run.job.id, wait)
                await asyncio.sleep(wait)
                if isinstance(error.__cause__, openai.RateLimitError):
                    continue  # that one certainly started nothing
            begun = await self._find(run, training, files, asked_at)
            if begun:
                return begun
        raise Unavailable("The model server did not take the training. Run /finetune again later.")

    async def _find(self, run: Run, training: Training, files: dict[str, str], asked_at: float) -> str | None:
        """The training that was started for this row; where that cannot be told, an operator is asked."""
        while True:
            try:
                return await self._found(run, training, files, asked_at)
            except Uncertain:
                await run.ask(_QUESTION)
            except OutOfReach as error:
                log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.note(phase=_OUT_OF_REACH)
                await asyncio.sleep(_SLOWEST_POLL)

    async def _found(
        self, run: Run, training: Training, files: dict[str, str], asked_at: float
    ) -> str | None:
        async with self._db.read() as tx:
            others = await jobs.remote_ids(tx) - {run.job.remote_job_id}
        return await self._trainer.find(training, files, since=asked_at, others=others)

    async def _follow(self, run: Run, remote_id: str) -> FineTuningJob:
        """Look at the server's job until it ends. A status never seen before counts as still running.

        So does a server out of reach: it trains on, and what it trained must not be lost for a bad hour.
        """
        pace, pause, begins = _Pace(), _POLL, True
        while True:
            try:
                remote = await self._trainer.look(remote_id)
                events = await self._trainer.newest_events(remote_id)
                status: str = remote.status  # also one that the SDK has never seen
                if status == "paused" and begins:  # since we were; later on it is somebody else's wish
                    await self._trainer.resume(remote_id)
                begins = False
            except UnknownModel as error:
                raise UserError(
                    "The model server has no such training any more. Run /finetune again."
                ) from error
            except Unavailable as error:
                log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.note(phase=_OUT_OF_REACH)
            else:
                if status == "succeeded":
                    return remote
                if status in ("failed", "cancelled"):
                    reason = remote.error.message if remote.error else None
                    told = "failed" if status == "failed" else "was cancelled at the server"
                    raise UserError(f"The training {told}: {reason or 'it gave no reason'}")
                done, total, phase = _standing(remote, events)
                await run.progress(done, total, phase, pace.rate(done))
                pause = _POLL if total else pause
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _SLOWEST_POLL)

    async def _losses(self, remote: FineTuningJob) -> Losses:
        """What the server measured: told in events, or in a result file."""
        losses = from_events(await self._trainer.all_events(remote.id))
        for file_id in remote.result_files or ():
            if losses.train or losses.valid:
                break
            losses = from_csv(await self._trainer.result(file_id))
        return losses


class _Pace:
    """Steps a second since the first that was seen."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def rate(self, done: int) -> float | None:
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now) if done else None
            return None
        steps, seconds = done - self._first[0], now - self._first[1]
        return steps / seconds if steps > 0 and seconds > 0 else None


def _training(job: Job, spec: FinetuneSpec) -> Training:
    """The mark is this row's: no other row, here or elsewhere, has both numbers."""
    return Training(spec.base, spec.method, spec.epochs, f"{job.id}-{job.created_at}")


async def _until(true: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    pause = _POLL
    while not await true():
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _SLOWEST_POLL)


def _standing(remote: FineTuningJob, events: list[FineTuningJobEvent]) -> tuple[int, int, str]:
    """Steps done, steps in all, and where the training stands in words."""
    for data in map(data_of, events):
        if "train_loss" in data and data.get("total_steps"):
            return int(data["step"]), int(data["total_steps"]), f"training, loss {data['train_loss']:.2f}"
    extra = remote.model_extra or {}
    if extra.get("total_steps"):
        return int(extra.get("trained_steps") or 0), int(extra["total_steps"]), "training"
    status: str = remote.status
    if status == "running":
        return 0, 0, "preparing to train"
    if status == "paused":
        return 0, 0, "held at the model server"
    return 0, 0, f"waiting for the model server ({status.replace('_', ' ')})"
