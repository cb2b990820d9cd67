"""Fine-tuning: a dataset goes to the model server, which trains on it; the result is registered."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import HerosmithError, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.jobs.queue import JobQueue
from bot.jobs.worker import Run
from bot.llm.budget import Account, Budget
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_REASON, RetryPolicy, retry_after
from bot.registry.registry import Registry
from bot.store import datasets, jobs
from bot.store.database import Database
from bot.store.jobs import Job
from bot.tuning.estimate import KINDS, FinetuneSpec, TuningEstimate, TuningEstimator, usable
from bot.tuning.losses import Losses, data_of, from_csv, from_events
from bot.tuning.providers import Method
from bot.tuning.remote_api import FineTuningApi, Training, Uncertain, may_have_started
from bot.tuning.results import TrainingResults
from bot.tuning.training_files import training_files

log = logging.getLogger(__name__)

_START_PAUSES = (2.0, 10.0, 30.0, 60.0)  # seconds before looking again whether a training was started
_POLL = 1.0  # seconds between two looks at the server's job, at first
_SLOWEST_POLL = 15.0
_LISTED_WITHIN = 60.0  # seconds after which a training that was started certainly stands in the server's list
_MISSING_LIMIT = 120.0  # seconds for which a server may deny a training
_OUT_OF_REACH = LocalizedMessage("the model server is out of reach; waiting for it")
_HELD = LocalizedMessage("held at the model server")
_NOT_HELD = LocalizedMessage("the model server cannot hold it: it trains on, and Resume follows it again")

_QUESTION = LocalizedMessage(
    "Was a training started at the model server for this? The call's answer got lost, and the server shows "
    "nothing by which it could be told. Look at its list of jobs, then answer: give the job's id, or say "
    "that there is none."
)

_MISSING = mark(
    "The model server has no training {remote_id}. Was one started there for this? Look at its list of jobs, "
    "then answer: give the job's id, or say that there is none, and it is started anew."
)


class FinetuneJobs:
    """Plans, orders and carries out fine-tuning at whatever server trains."""

    def __init__(
        self,
        db: Database,
        board: JobQueue,
        trainer: FineTuningApi,
        budget: Budget,
        registry: Registry,
        forecaster: TuningEstimator,
        debut: TrainingResults,
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
    ) -> tuple[Job, TuningEstimate]:
        """Write a fine-tuning down and say what it will take; it waits for the board's confirm().

        What is left out: the newest dataset of the method's kind, the method of the dataset's kind,
        BASE_MODEL (for preference tuning the live model), the server's choice of epochs. origin: requester_id
        and channel_id, where it was ordered in Discord. Raises UserError where there is no such dataset or it
        does not fit, Busy where a fine-tuning runs.
        """
        spec = await self._spec(dataset, base, method, epochs)
        if spec.method not in self._trainer.provider.methods:
            raise UserError(
                "Preference tuning is not known to {name}. Leave the method out, or train elsewhere.",
                name=self._trainer.provider.called,
            )
        forecast = await self._forecaster.estimate(spec)
        spec = replace(spec, tokens=forecast.tokens * forecast.epochs)
        await self._budget.check_training(Account("tuning"), spec.base, spec.tokens)
        return await self._board.plan("finetune", asdict(spec), **origin), forecast

    async def submit(self, **wanted: Any) -> tuple[Job, TuningEstimate]:
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
            if method == "dpo" and version is None:
                raise UserError(
                    "There is no dataset of rated pairs yet: they come from what people vote. Leave the "
                    "method out."
                )
            if version is None:
                raise UserError(
                    "There is no dataset yet. Make one with /build-dataset, then run /finetune again."
                )
            raise UserError(
                "There is no dataset v{version}. Make one with /build-dataset, then run /finetune again.",
                version=version,
            )
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
        trained = spec.tokens if remote.trained_tokens is None else remote.trained_tokens
        await self._budget.book_training(Account("tuning", run.job.id), spec.base, trained)
        live = await self._registry.live()
        model = await self._debut.register(run.job.id, spec, remote)
        await run.update(phase=LocalizedMessage("taking the model in"))
        model, left_to_do = await self._debut.deploy(model, remote)
        losses = await self._losses(remote)
        await self._registry.set_metrics(model.id, losses.held_out)
        await run.update(phase=LocalizedMessage("writing three heroes to compare"))
        shown = await self._debut.report(run.job.id, spec, model, live, losses)
        return {
            "model": model.id,
            "name": model.name,
            "state": model.state,
            "dataset": spec.dataset,
            "trained_tokens": trained,
            "seconds": round(time.time() - (run.job.started_at or time.time()), 1),
            "deploy": left_to_do.to_json() if left_to_do else None,
            **losses.held_out,
            **shown,
        }

    async def pause(self, run: Run) -> None:
        """Tell the server to hold the training; where it cannot, the row says so."""
        remote_id = run.job.remote_job_id
        if remote_id is None and run.job.remote_asked_at:
            with suppress(Uncertain, Unavailable):
                remote_id = await self._found(run, FinetuneSpec(**run.job.spec), INTERACTIVE)
            if remote_id:
                await run.update_even_if_stopped(remote_job_id=remote_id)
        if remote_id is not None:
            held = await self._trainer.pause(remote_id)
            await run.update_even_if_stopped(phase=_HELD if held else _NOT_HELD)
        elif run.job.remote_asked_at is not None:
            await run.update_even_if_stopped(
                phase=LocalizedMessage("whether the server has begun is looked for after Resume")
            )
        else:
            await run.update_even_if_stopped(phase=LocalizedMessage("not begun"))

    async def cancel(self, run: Run) -> None:
        """Cancel the server's training, and book what it has trained.

        Raises UserError where a training may go on there.
        """
        spec, remote_id = FinetuneSpec(**run.job.spec), run.job.remote_job_id
        if remote_id is None and run.job.remote_asked_at:
            try:
                remote_id = await self._found(run, spec, INTERACTIVE)
            except (Uncertain, Unavailable) as error:
                raise UserError(
                    "Whether a training was started at the model server could not be told: look at its list."
                ) from error
        if remote_id is None:
            return
        try:
            await self._trainer.cancel(remote_id)
        except HerosmithError as error:
            raise UserError(
                "The model server could not be told to stop {remote_id}: look whether it still trains.",
                remote_id=remote_id,
            ) from error
        with suppress(HerosmithError):
            told = (await self._trainer.get(remote_id)).trained_tokens
            share = spec.tokens * run.job.done // run.job.total if run.job.total else 0
            account = Account("tuning", run.job.id)
            await self._budget.book_training(account, spec.base, share if told is None else told)

    async def _begin(self, run: Run, spec: FinetuneSpec) -> str:
        """Send what the server lacks and start the training there, or find the one that was started."""
        remote_id = await self._find(run, spec) if run.job.remote_asked_at else None
        if remote_id is None:
            account = Account("tuning", run.job.id)
            await self._budget.check_training(account, spec.base, spec.tokens)
            files = await self._send(run, spec)
            remote_id = await self._start(run, spec, files)
        await run.update(remote_job_id=remote_id)
        return remote_id

    async def _send(self, run: Run, spec: FinetuneSpec) -> dict[str, str]:
        """Send each side that has texts, and wait until the server has read it; its names by split."""
        await run.progress(0, 0, LocalizedMessage("sending the dataset"))
        async with self._db.read() as tx:
            await usable(tx, spec.dataset)  # a deletion may have come since the plan
            items = await datasets.items(tx, spec.dataset)
        files = dict(run.job.remote_file_ids or {})
        prefix = self._trainer.provider.prefix
        for file in await asyncio.to_thread(training_files, items, prefix=prefix):
            if file.split not in files:
                files[file.split] = await self._trainer.upload(file, since=run.job.started_at or time.time())
                await run.update(remote_file_ids=files)
        for file_id in files.values():
            await _until(partial(self._trainer.is_read, file_id))
        return files

    async def _start(self, run: Run, spec: FinetuneSpec, files: dict[str, str]) -> str:
        """Start the training once: where the answer got lost, look whether it began before trying again."""
        for pause in _START_PAUSES:
            await run.update(remote_asked_at=time.time())
            try:
                return await self._trainer.start(_training(run.job, spec), files)
            except OutOfReach as error:
                wait = max(pause, retry_after(error.__cause__) or 0.0)
                log.warning("job %d: was the training started? looking in %.0f s", run.job.id, wait)
                await asyncio.sleep(wait)
                if not may_have_started(error):
                    continue
            await run.refresh()
            begun = await self._find(run, spec)
            if begun:
                return begun
        raise Unavailable("The model server did not take the training. Run /finetune again later.")

    async def _find(self, run: Run, spec: FinetuneSpec) -> str | None:
        """The training that was started for this row; where that cannot be told, an operator is asked.

        None is believed only some time after it was asked for: a call may still be under way, a list may lag.
        """
        asked_at = run.job.remote_asked_at or 0.0
        while True:
            try:
                found = await self._found(run, spec, BACKGROUND)
            except Uncertain:
                await run.ask(_QUESTION)
            except Unavailable as error:
                log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.update(phase=_OUT_OF_REACH)
            else:
                if found or time.time() > asked_at + _LISTED_WITHIN:
                    return found
                await run.update(phase=LocalizedMessage("looking whether the training has begun"))
            await asyncio.sleep(min(_SLOWEST_POLL, max(_POLL, _LISTED_WITHIN / 10)))

    async def _found(self, run: Run, spec: FinetuneSpec, patience: RetryPolicy) -> str | None:
        async with self._db.read() as tx:
            others = await jobs.remote_ids(tx) - {run.job.remote_job_id}
        files = run.job.remote_file_ids
        if not files:
            return None
        return await self._trainer.find(
            _training(run.job, spec),
            files,
            since=run.job.started_at or run.job.remote_asked_at or 0.0,
            others=others,
            patience=patience,
        )

    async def _follow(self, run: Run, remote_id: str) -> FineTuningJob:
        """Look at the server's job until it ends. A status never seen before counts as still running.

        So does a server out of reach: it trains on, and what it trained must not be lost for a bad hour.
        """
        pace, began, seen = _TrainingSpeed(), time.monotonic(), time.monotonic()
        first = True
        while True:
            try:
                remote = await self._trainer.get(remote_id)
            except UnknownModel:
                if time.monotonic() - seen > _MISSING_LIMIT:  # one alone may be a gateway's hiccup
                    await run.ask(LocalizedMessage(_MISSING, remote_id=remote_id))
                await run.update(
                    phase=LocalizedMessage("the model server does not find the training; looking again")
                )
            except (Unavailable, ServerError) as error:
                log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.update(phase=_OUT_OF_REACH)
            else:
                seen = time.monotonic()
                if await self._see(run, remote, pace, first=first):
                    return remote
                first = False
            await asyncio.sleep(pause_after(time.monotonic() - began))

    async def _see(self, run: Run, remote: FineTuningJob, pace: "_TrainingSpeed", *, first: bool) -> bool:
        """Write down how a training stands. Returns whether it has succeeded.

        Raises UserError with the server's reason where it failed.
        """
        status: str = remote.status or ""  # also one that the SDK has never seen
        if status == "succeeded":
            return True
        if status in ("failed", "cancelled"):
            reason = (remote.error.message if remote.error else None) or LocalizedMessage(NO_REASON)
            if status == "failed":
                raise UserError("The training failed: {reason}", reason=reason)
            raise UserError("The training was cancelled at the server: {reason}", reason=reason)
        if status == "paused" and first:  # since we were; later on it is somebody else's wish
            await self._trainer.resume(remote.id)
        events = await self._trainer.newest_events(remote.id)
        done, total, phase = _standing(remote, events)
        await run.progress(done, total, phase, pace.rate(done))
        return False

    async def _losses(self, remote: FineTuningJob) -> Losses:
        """What the server measured: told in events, or in a result file."""
        losses = from_events(await self._trainer.all_events(remote.id))
        for file_id in remote.result_files or ():
            if losses.train or losses.valid:
                break
            losses = from_csv(await self._trainer.result(file_id))
        return losses


def pause_after(followed: float) -> float:
    """Seconds until the next look at a training that was followed for so long: ever more of them."""
    return min(max(_POLL, followed / 60), _SLOWEST_POLL)


class _TrainingSpeed:
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


def _standing(remote: FineTuningJob, events: list[FineTuningJobEvent]) -> tuple[int, int, LocalizedMessage]:
    """Steps done, steps in all, and where the training stands in words."""
    for data in map(data_of, events):
        with suppress(KeyError, TypeError, ValueError):
            loss, step, total = float(data["train_loss"]), int(data["step"]), int(data["total_steps"])
            return step, total, LocalizedMessage("training, loss {loss:.2f}", loss=loss)
    extra = remote.model_extra or {}
    with suppress(KeyError, TypeError, ValueError):
        return int(extra["trained_steps"]), int(extra["total_steps"]), LocalizedMessage("training")
    status: str = remote.status or "?"
    if status == "running":
        return 0, 0, LocalizedMessage("preparing to train")
    if status == "paused":
        return 0, 0, _HELD
    return 0, 0, LocalizedMessage("waiting for the model server ({status})", status=status.replace("_", " "))
