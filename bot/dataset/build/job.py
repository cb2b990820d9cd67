"""The build job: a dataset is written, curated and frozen. People order it, and a worker runs it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from bot.dataset.build.attachments import Attachments
from bot.dataset.build.batch_builder import BatchBuilder
from bot.dataset.build.builder import BuildCounts, Builder
from bot.dataset.build.estimate import BuildEstimate, BuildEstimator
from bot.dataset.build.ranked_texts import RankedChoice, RankedTexts, most_ranked
from bot.dataset.versions.admission import AdmissionResult
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, HeroTexts
from bot.dataset.versions.scenes import AdmittedScenes, TrainableScenes
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import JobQueue
from bot.jobs.worker import Run
from bot.llm.bookings import Bookings
from bot.llm.budget import Account, Budget
from bot.store import examples
from bot.store.database import Database
from bot.store.job_schema import BuildResult, BuildSpec, RankedSummary, VoteSummary
from bot.store.jobs import Job

_MAX_ROUNDS = 3  # of building, while new answers turn out to be near duplicates


class BuildJobs:
    """Orders build jobs, and runs them for the worker."""

    def __init__(
        self,
        db: Database,
        jobs: JobQueue,
        budget: Budget,
        bookings: Bookings,
        estimator: BuildEstimator,
        builder: Builder,
        batch_builder: BatchBuilder,
        freezer: Freezer,
        ranked_texts: RankedTexts,
        attachments: Attachments,
        scenes: TrainableScenes,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._budget = budget
        self._bookings = bookings
        self.estimator = estimator
        self.builder = builder
        self._batch_builder = batch_builder
        self.freezer = freezer
        self._ranked_texts = ranked_texts
        self._attachments = attachments
        self._scenes = scenes
        self._first_texts = estimator.first_texts

    async def plan(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, BuildEstimate]:
        """Add a build as a job that waits for JobQueue.confirm(), and estimate it.

        origin: requester_id and channel_id, the ids of Discord, if it was ordered there. Raises Busy if
        another build is active, OverBudget if a budget is set and the model's price unknown, and UserError
        if the build is too small or too large, or the first dataset has mistakes. If the ranker cannot be
        used, the estimate says why, and the build does without.
        """
        if spec.hand_written is None and await self._first_texts.stay():
            spec = spec.model_copy(update={"hand_written": True})
        estimate = await self.estimator.estimate(spec)
        if spec.source != "shipped":  # fail here rather than in the middle of the build
            self._budget.check_price_known(spec.model, spec.budget)
        if spec.ranked:
            others = estimate.slots + sum(estimate.first_texts.values())
            plan = await self._ranked_texts.plan(spec, others)
            if plan.model and not plan.refusal:
                self._budget.check_price_known(plan.model.served_as or plan.model.name, spec.budget)
            estimate = replace(estimate, ranked=plan)
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
        account = Account("build", run.job.id, spec.budget)
        if spec.source == "shipped":
            async with AsyncExitStack() as stack:
                liked = await self.freezer.admission.admit()
                texts = _Texts(stack, self.freezer, _no_examples, liked, await self._scenes.admit(), first)
                draft = await texts.draft()
                counts = BuildCounts(done=sum(draft.lengths.values()))
                return await self._freeze(run, spec, counts, draft, texts, account)
        await self._book_lost_calls(run, spec, account)
        duplicate_ids: set[int] = set()
        asked = calls = 0
        admitted: AdmissionResult | None = None
        scenes: AdmittedScenes | None = None
        for remaining_rounds in reversed(range(_MAX_ROUNDS)):
            counts = await self._build(run, spec, account, duplicate_ids)
            counts.cached -= asked
            counts.asked, counts.calls = asked, calls = counts.asked + asked, counts.calls + calls
            admitted = admitted or await self.freezer.admission.admit()  # once, after the first round
            scenes = scenes or await self._scenes.admit()
            async with AsyncExitStack() as stack:
                examples = partial(self.builder.selector.examples_by_hero, spec, duplicate_ids)
                texts = _Texts(stack, self.freezer, examples, admitted, scenes, first)
                draft = await texts.draft()
                if remaining_rounds and draft.near_duplicate_ids - duplicate_ids:
                    duplicate_ids |= draft.near_duplicate_ids
                    continue
                return await self._freeze(run, spec, counts, draft, texts, account)
        raise AssertionError("unreachable: the last round freezes")

    async def _freeze(
        self,
        run: Run,
        spec: BuildSpec,
        counts: BuildCounts,
        draft: Draft,
        texts: "_Texts",
        account: Account,
    ) -> BuildResult:
        """Add ranked texts if it was ordered, freeze the draft, make the build's files, return its result.

        Raises as RankedTexts.choose() and Freezer.freeze() do.
        """
        ranked: RankedSummary | None = None
        recipe, admitted = spec.recipe, texts.admitted
        if spec.ranked:
            choice = await self._ranked_texts.choose(run, spec, account, draft)
            draft, added = await _with_ranked(draft, texts, choice)
            ranked = choice.summary.model_copy(update={"added": added})
            recipe |= {"ranked": ranked.recipe} if added else {}
        await run.progress(counts.done, counts.done, LocalizedMessage("saving the dataset"))
        file = self._first_texts.file if spec.source == "shipped" else None
        frozen = await self.freezer.freeze(draft, recipe, file=file)
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
                scenes=texts.scenes.number,
                unfit_scenes=dict(texts.scenes.unfit),
                not_counted=list(admitted.votes.not_counted),
            ),
            ranked=ranked,
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
                await self._bookings.book_within(
                    tx, account, spec.model, prompt_tokens, completion_tokens, calls=lost
                )
        if lost:
            await run.update(lost=run.job.lost + lost)
            await run.refresh()


@dataclass(frozen=True, slots=True)
class _Texts:
    """All texts of a build but those of the ranker, from which a draft can be filled more than once.

    stack: closes the drafts.
    """

    stack: AsyncExitStack
    freezer: Freezer
    examples: Callable[[], AsyncIterator[tuple[Hero, TrainingText | None]]]
    admitted: AdmissionResult
    scenes: AdmittedScenes
    first: Mapping[str, HeroTexts]

    async def draft(self, ranked: Mapping[str, list[TrainingText]] = MappingProxyType({})) -> Draft:
        """Return a draft of them, and of ranked texts by tuning prompt."""
        draft = self.stack.enter_context(Draft())
        await self.freezer.fill(draft, self.examples(), self.admitted, self.first, ranked, self.scenes.texts)
        return draft


async def _with_ranked(draft: Draft, texts: _Texts, choice: RankedChoice) -> tuple[Draft, int]:
    """Return a draft with the best ranked texts beside the others of a draft, and how many they are.

    They are at most a third of it: fewer are taken if others were dropped beside them.
    """
    most = most_ranked(draft.sources.total())
    while choice.scored and most:
        filled = await texts.draft(choice.best(most))
        added = filled.sources["ranked"]
        most = most_ranked(filled.sources.total() - added)
        if added <= most:
            return filled, added
    return draft, 0


async def _no_examples() -> AsyncIterator[tuple[Hero, TrainingText | None]]:
    """Yield nothing: no model wrote anything."""
    return
    yield
