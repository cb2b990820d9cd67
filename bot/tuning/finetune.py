"""Fine-tuning: a dataset goes to the model server, which trains on it; the result is registered."""

import asyncio
import logging
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import openai
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.job_create_params import Method

from bot.dataset.freeze import to_jsonl
from bot.errors import OutOfReach, Unavailable, UnknownModel, UserError
from bot.jobs import JobBoard
from bot.llm.budget import Account, Budget
from bot.llm.client import ModelClient
from bot.llm.patience import JOB, ONCE, patiently
from bot.store import datasets
from bot.store.database import Database
from bot.store.datasets import Dataset, Item
from bot.store.jobs import Job
from bot.tuning.registry import Registry
from bot.worker import Run

log = logging.getLogger(__name__)

SUFFIX = "herosmith"
MOST_EPOCHS = 10

_MARK = "herosmith_job"
_TYPICAL_EPOCHS = 3  # what servers choose for datasets of this size
_START_PAUSES = (2, 10, 30, 60)  # seconds before looking again whether a training was started
_POLL = 1.0  # seconds between two looks at the server's job, at first
_SLOWEST_POLL = 15.0


@dataclass(frozen=True, slots=True)
class FinetuneSpec:
    """What a fine-tuning job was asked to do; kept in the job's row. epochs None: the server chooses."""

    dataset: int
    base: str
    epochs: int | None

    def __post_init__(self) -> None:
        if self.epochs is not None and not 1 <= self.epochs <= MOST_EPOCHS:
            raise UserError(f"Epochs must lie between 1 and {MOST_EPOCHS}.")


class FinetuneJobs:
    """Orders and carries out fine-tuning at whatever server the client reaches."""

    def __init__(
        self, db: Database, board: JobBoard, client: ModelClient, budget: Budget, registry: Registry
    ) -> None:
        self._db = db
        self._board = board
        self._client = client
        self._budget = budget
        self._registry = registry

    async def order(
        self, *, base: str, version: int | None = None, epochs: int | None = None, **origin: int | None
    ) -> tuple[Job, Dataset]:
        """Queue a fine-tuning on a dataset version (None: the newest).

        Raises UserError where there is none, Busy where a fine-tuning runs.
        """
        async with self._db.read() as tx:
            found = await (datasets.latest(tx) if version is None else datasets.get(tx, version))
        if found is None:
            missing = "There is no dataset yet" if version is None else f"There is no dataset v{version}"
            raise UserError(f"{missing}. Make one with /build-dataset, then run /finetune again.")
        spec = FinetuneSpec(dataset=found.id, base=base, epochs=epochs)
        return await self._board.submit("finetune", asdict(spec), **origin), found

    async def run(self, run: Run) -> dict[str, Any]:
        """Carry the job out. Its result: the model's name and state, and its held-out losses.

        The remote file and job ids are written into the row before they are used, so a job that is taken up
        again goes on where it was. Raises UserError with the server's reason where the training failed.
        """
        spec = FinetuneSpec(**run.job.spec)
        remote_id = run.job.remote_job_id or await self._begin(run, spec)
        remote = await self._follow(run, remote_id)
        await self._budget.book_training(Account("tuning", run.job.id), spec.base, remote.trained_tokens or 0)
        metrics = await self._losses(remote_id)
        name = remote.fine_tuned_model
        if name is None:
            raise UserError("The model server says that it trained, but names no model. Ask its operator.")
        model = await self._registry.register(
            name=name, base=spec.base, dataset_id=spec.dataset, job_id=run.job.id, metrics=metrics
        )
        return {"model": model.id, "name": model.name, "state": model.state, **metrics}

    async def cancel(self, run: Run) -> None:
        """Cancel the server's training."""
        remote_id = run.job.remote_job_id
        if remote_id:
            await patiently(lambda: self._client.api.fine_tuning.jobs.cancel(remote_id), ONCE)

    async def _begin(self, run: Run, spec: FinetuneSpec) -> str:
        """Upload what is not uploaded yet and start the training."""
        await run.progress(0, 0, "sending the dataset")
        async with self._db.read() as tx:
            items = await datasets.items(tx, spec.dataset)
        trained = sum(len(item.prompt) + len(item.text) for item in items if item.split == "train") // 3
        epochs = spec.epochs or _TYPICAL_EPOCHS
        await self._budget.check_training(Account("tuning", run.job.id), spec.base, trained * epochs)
        files = run.job.remote_file_ids or await self._upload(spec.dataset, items)
        await run.note(remote_file_ids=files)
        remote_id = await self._started_before(run) or await self._start_surely(run, spec, files)
        await run.note(remote_job_id=remote_id)
        return remote_id

    async def _start_surely(self, run: Run, spec: FinetuneSpec, files: dict[str, str]) -> str:
        """Start the training once: where the answer got lost, look whether it began before trying again."""
        for pause in _START_PAUSES:
            try:
                return await self._start(run, spec, files)
            except OutOfReach:
                log.warning("job %d: was the training started? looking in %d s", run.job.id, pause)
                await asyncio.sleep(pause)
            begun = await self._started_before(run)
            if begun:
                return begun
        raise Unavailable("The model server did not take the training. Run /finetune again later.")

    async def _started_before(self, run: Run) -> str | None:
        """The server's job that was started for this row, though nobody lived or heard to write it down."""
        pages = self._client.api.fine_tuning.jobs.list
        recent = await patiently(lambda: pages(limit=100), JOB)
        mark = _mark(run.job)
        return next((each.id for each in recent.data if (each.metadata or {}).get(_MARK) == mark), None)

    async def _start(self, run: Run, spec: FinetuneSpec, files: dict[str, str]) -> str:
        method: Method = {"type": "supervised"}
        if spec.epochs is not None:
            method["supervised"] = {"hyperparameters": {"n_epochs": spec.epochs}}
        # never repeated blindly: the answer that got lost may have been that the training has started
        remote = await patiently(
            lambda: self._client.api.fine_tuning.jobs.create(
                model=spec.base,
                training_file=files["train"],
                validation_file=files.get("valid", openai.omit),
                suffix=SUFFIX,
                seed=0,
                method=method,
                metadata={_MARK: _mark(run.job)},
            ),
            ONCE,
        )
        return remote.id

    async def _upload(self, version: int, items: list[Item]) -> dict[str, str]:
        """Send each split that has texts. Returns the server's file ids by split."""
        ids = {}
        for split in ("train", "valid"):
            content = to_jsonl(item for item in items if item.split == split).encode()
            if content:
                ids[split] = await patiently(partial(self._send, f"v{version}-{split}.jsonl", content), JOB)
        return ids

    async def _send(self, name: str, content: bytes) -> str:
        return (await self._client.api.files.create(file=(name, content), purpose="fine-tune")).id

    async def _follow(self, run: Run, remote_id: str) -> FineTuningJob:
        """Look at the server's job until it ends. A status never seen before counts as still running.

        So does a server out of reach: it trains on, and what it trained must not be lost for a bad hour.
        """
        api = self._client.api
        pause = _POLL
        while True:
            try:
                remote = await patiently(lambda: api.fine_tuning.jobs.retrieve(remote_id), ONCE)
                page = await patiently(lambda: api.fine_tuning.jobs.list_events(remote_id, limit=20), ONCE)
            except UnknownModel as error:
                raise UserError(
                    "The model server has no such training any more. Run /finetune again."
                ) from error
            except Unavailable as error:
                log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                await run.note(phase="the model server is out of reach; waiting for it")
            else:
                if remote.status == "succeeded":
                    return remote
                if remote.status in ("failed", "cancelled"):
                    reason = remote.error.message if remote.error else None
                    raise UserError(f"The training {remote.status}: {reason or 'the server gave no reason'}")
                await run.progress(*_standing(page.data, remote.status))
                pause = _POLL if _steps(page.data) else pause
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _SLOWEST_POLL)

    async def _losses(self, remote_id: str) -> dict[str, float]:
        """Held-out loss before and after, where the server measured it."""

        async def every() -> list[FineTuningJobEvent]:
            pages = self._client.api.fine_tuning.jobs.list_events(remote_id, limit=100)
            return [event async for event in pages]

        measured = sorted(
            (data["step"], data["full_valid_loss"])
            for event in await patiently(every, JOB)
            if (data := _data(event)).get("full_valid_loss") is not None
        )
        if not measured:
            return {}
        after = {"loss_after": measured[-1][1]}
        return {"loss_before": measured[0][1], **after} if measured[0][0] == 0 else after


def _mark(job: Job) -> str:
    """What marks the server's job as this row's: no other row, here or elsewhere, has both numbers."""
    return f"{job.id}-{job.created_at}"


def _data(event: FineTuningJobEvent) -> dict[str, Any]:
    return event.data if isinstance(event.data, dict) else {}


def _steps(events: list[FineTuningJobEvent]) -> list[dict[str, Any]]:
    """The measurements among events, the newest first."""
    return [data for event in events if "train_loss" in (data := _data(event)) and data.get("total_steps")]


def _standing(events: list[FineTuningJobEvent], status: str) -> tuple[int, int, str]:
    """Steps done, steps in all, and where the training stands in words."""
    steps = _steps(events)
    if not steps:
        return 0, 0, "waiting for the model server" if status != "running" else "preparing to train"
    newest = steps[0]
    return newest["step"], newest["total_steps"], f"training, loss {newest['train_loss']:.2f}"
