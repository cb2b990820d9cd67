"""Order a fine-tuning job: choose what trains, estimate it, and check it against the budget."""

from typing import Any

from bot.errors import JobActive
from bot.i18n.message import ENGLISH
from bot.jobs.queue import JobQueue
from bot.llm.budget import Account, Budget
from bot.registry.names import model_name
from bot.registry.registry import Registry
from bot.store.job_schema import Method
from bot.store.jobs import Job
from bot.store.models import Model
from bot.tuning.estimate import TuningEstimate, TuningEstimator
from bot.tuning.gate import Report
from bot.tuning.results import TrainingResults


class FinetuneJobs:
    """Takes orders of fine-tuning jobs, and of checks of their models."""

    def __init__(
        self,
        queue: JobQueue,
        budget: Budget,
        registry: Registry,
        estimator: TuningEstimator,
        results: TrainingResults,
    ) -> None:
        self._queue = queue
        self._budget = budget
        self._registry = registry
        self._estimator = estimator
        self._results = results

    async def plan(
        self,
        *,
        dataset: int | None = None,
        base: str | None = None,
        method: Method | None = None,
        epochs: int | None = None,
        language: str = ENGLISH.code,
        **origin: int | None,
    ) -> tuple[Job, TuningEstimate]:
        """Add a fine-tuning job that waits for JobQueue.confirm(), and estimate it.

        dataset is a version, epochs a number of rounds; TuningEstimator.spec() chooses what is left out.
        language: the code of the language of the words in files, such as "de". origin: requester_id and
        channel_id, the ids of Discord, if it was ordered there. Raises UserError if there is no such dataset
        or it does not fit the method, OverBudget if the day's budget does not cover the training with its
        check, Busy if another fine-tuning is active.
        """
        spec = await self._estimator.spec(dataset=dataset, base=base, method=method, epochs=epochs)
        estimate = await self._estimator.estimate(spec)
        reserved = {"tokens": estimate.tokens * estimate.epochs, "check_cost": estimate.check.cost or 0.0}
        known = {"check_seconds": estimate.check.seconds, "language": language}
        spec = spec.model_copy(update=reserved | known)
        await self._budget.check_training(Account("tuning"), spec.base, spec.tokens, besides=spec.check_cost)
        return await self._queue.plan(spec, **origin), estimate

    async def submit(self, **options: Any) -> tuple[Job, TuningEstimate]:
        """Add a fine-tuning as a job that a worker may take at once. Takes and raises what plan() does."""
        job, estimate = await self.plan(**options)
        return await self._queue.confirm(job.id), estimate

    async def check(self, model_id: int, report: Report) -> Model:
        """Check a model whose training has ended: it goes on, or is held back. Return it with its verdict.

        report is told how many texts are read. Raises UserError if there is no such model or it is not to be
        checked, Busy while its training's job does so, CheckBrokenOff if it cannot be read to the end.
        """
        model = await self._registry.get(model_id)
        job = await self._queue.get(model.job_id)
        if not job.ended:
            raise JobActive(
                "Job {job_id} is still at work on {model}. Wait for its end, then ask again.",
                job_id=model.job_id,
                model=model_name(model.id),
                place=(job.channel_id, job.message_id),
            )
        return await self._results.check_again(model, report)
