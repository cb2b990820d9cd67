"""The build job: a dataset is written, curated and frozen. People order it, and a worker runs it."""

from collections.abc import AsyncIterator, Collection, Mapping

from bot.dataset.build.attachments import Attachments
from bot.dataset.build.batch_builder import BatchBuilder
from bot.dataset.build.builder import BuildCounts, Builder
from bot.dataset.build.estimate import BuildEstimate, BuildEstimator
from bot.dataset.versions.admission import AdmissionResult
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, HeroTexts
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import JobQueue
from bot.jobs.worker import Run
from bot.llm.budget import Account, Budget
from bot.store import examples
from bot.store.database import Database
from bot.store.job_schema import BuildResult, BuildSpec, VoteSummary
from bot.store.jobs import Job

_MAX_ROUNDS = 3  # of building, while new answers turn out to be near duplicates


class BuildJobs:
    """Orders build jobs, and runs them for the worker."""

    def __init__(
        self,
        db: Database,
        jobs: JobQueue,
        budget: Budget,
        estimator: BuildEstimator,
        builder: Builder,
        batch_builder: BatchBuilder,
        freezer: Freezer,
        attachments: Attachments,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._budget = budget
        self.estimator = estimator
        self.builder = builder
        self._batch_builder = batch_builder
        self.freezer = freezer
        self._attachments = attachments
        self._first_texts = estimator.first_texts

    async def plan(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, BuildEstimate]:
        """Add a build as a job that waits for JobQueue.confirm(), and estimate it.

        origin: requester_id and channel_id, the ids of Discord, if it was ordered there. Raises Busy if
        another build is active, OverBudget if a budget is set and the model's price unknown, and UserError
        if the build is too small or too large, or the first dataset has mistakes.
        """
        if spec.hand_written is None and await self._first_texts.stay():
            spec = spec.model_copy(update={"hand_written": True})
        estimate = await self.estimator.estimate(spec)
        if spec.source != "shipped":  # fail here rather than in the middle of the build
            self._budget.check_price_known(spec.model, spec.budget)
        return await self._jobs.plan(spec, **origin), estimate

    async def submit(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, BuildEstimate]:
        """Add a build as a job that a worker may take at once, and estimate it. Raises as plan() does."""
        job, estimate = await self.plan(spec, **origin)
        return await self._jobs.confirm(job.id), estimate

    async def run(self, run: Run) -> BuildResult:
        """Run the job, or go on with it, and return its result: every answer that was stored is used again.

        Texts that turn out to be near duplicates are written anew, in at most three rounds in all. Raises
        UserError if too few texts are usable or the server refuses, OverBudget if the budget is used up, and
        JobStopped once a person has paused or cancelled the job.
        """
        spec = run.job.spec_as(BuildSpec)
        first = await self._first_texts.take(spec)
        if spec.source == "shipped":
            return await self._freeze_shipped(run, spec, first)
        account = Account("build", run.job.id, spec.budget)
        await self._book_lost_calls(run, spec, account)
        duplicate_ids: set[int] = set()
        asked = calls = 0
        admitted: AdmissionResult | None = None
        for remaining_rounds in reversed(range(_MAX_ROUNDS)):
            counts = await self._build(run, spec, account, duplicate_ids)
            counts.cached -= asked
            counts.asked, counts.calls = asked, calls = counts.asked + asked, counts.calls + calls
            admitted = admitted or await self.freezer.admission.admit()  # once, after the first round
            with Draft() as draft:
                examples = self.builder.selector.examples_by_hero(spec, duplicate_ids)
                await self.freezer.fill(draft, examples, admitted, first)
                if remaining_rounds and draft.near_duplicate_ids - duplicate_ids:
                    duplicate_ids |= draft.near_duplicate_ids
                    continue
                return await self._freeze(run, spec, counts, draft, admitted)
        raise AssertionError("unreachable: the last round freezes")

    async def _freeze_shipped(self, run: Run, spec: BuildSpec, first: Mapping[str, HeroTexts]) -> BuildResult:
        """Freeze the texts of the first dataset with those that votes admit, without asking a model."""
        admitted = await self.freezer.admission.admit()
        with Draft() as draft:
            await self.freezer.fill(draft, _no_examples(), admitted, first)
            counts = BuildCounts(done=sum(draft.lengths.values()))
            return await self._freeze(run, spec, counts, draft, admitted)

    async def _freeze(
        self, run: Run, spec: BuildSpec, counts: BuildCounts, draft: Draft, admitted: AdmissionResult
    ) -> BuildResult:
        """Freeze a draft, make the build's files, and return its result. Raises as Freezer.freeze() does."""
        await run.progress(counts.done, counts.done, LocalizedMessage("saving the dataset"))
        file = self._first_texts.file if spec.source == "shipped" else None
        frozen = await self.freezer.freeze(draft, spec.recipe, file=file)
        files = await self._attachments.make(
            run.job.id, frozen.dataset, draft.lengths, counts.finish_reasons, language=spec.language
        )
        return BuildResult(
            source=spec.source,
            dataset=frozen.dataset.id,
            new=frozen.new,
            counts=frozen.dataset.counts,
            asked=counts.asked,
            calls=counts.calls,
            cached=counts.cached,
            lost=run.job.lost,
            given_up=counts.given_up,
            rejected=dict(counts.rejected),
            dropped=dict(draft.dropped),
            changes=frozen.changes,
            votes=VoteSummary(
                liked=admitted.liked_count,
                voted_down=admitted.disliked_count,
                unfit=dict(admitted.unfit),
                not_counted=list(admitted.votes.not_counted),
            ),
            cost=await self._budget.spent_by(run.job.id),
            files=files,
        )

    async def _build(
        self, run: Run, spec: BuildSpec, account: Account, excluded_ids: Collection[int]
    ) -> BuildCounts:
        """Write what is missing, by the Batch API if it was ordered so, and return the build's counts.

        Examples of excluded_ids count as missing.
        """
        if spec.batch:
            return await self._batch_builder.build(spec, run, account, excluded_ids)
        await self._batch_builder.collect_finished(spec, run, account)
        return await self.builder.build(spec, run, account, excluded_ids)

    async def pause(self, run: Run) -> None:
        """Do nothing: batches go on, and their answers are collected when the build is resumed."""

    async def cancel(self, run: Run) -> None:
        """Cancel the provider's batches; calls in flight were awaited before."""
        await self._batch_builder.cancel(run.job)

    async def _book_lost_calls(self, run: Run, spec: BuildSpec, account: Account) -> None:
        """Count and book, once, the calls in flight when a worker died: they may have been paid for."""
        async with self._db.write() as tx:
            lost = await examples.reset_unanswered(tx, spec.model)
            if lost:
                prompt_tokens, completion_tokens = (
                    lost * tokens for tokens in self.estimator.max_tokens_per_call(spec)
                )
                await self._budget.book_within(
                    tx, account, spec.model, prompt_tokens, completion_tokens, calls=lost
                )
        if lost:
            await run.update(lost=run.job.lost + lost)
            await run.refresh()


async def _no_examples() -> AsyncIterator[tuple[Hero, TrainingText | None]]:
    """Yield nothing: no model wrote anything."""
    return
    yield
