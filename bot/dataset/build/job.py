"""The build job: what /build-dataset, the terminal and the demo order, and what the worker then does."""

from collections.abc import Collection

from bot.dataset.build.attachments import Attachments
from bot.dataset.build.batch_builder import BatchBuilder
from bot.dataset.build.builder import Builder, Built
from bot.dataset.build.estimate import BuildEstimate, BuildEstimator
from bot.dataset.versions.admission import Admitted
from bot.dataset.versions.draft import Draft
from bot.dataset.versions.freeze import Freezer
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import JobQueue
from bot.jobs.worker import Run
from bot.llm.budget import Account, Budget
from bot.store import examples
from bot.store.database import Database
from bot.store.job_schema import BuildResult, BuildSpec, VoteSummary
from bot.store.jobs import Job

_ROUNDS = 3  # of building, where texts turn out to say the same as others


class BuildJobs:
    """Plans, orders and carries out builds: write, curate, freeze."""

    def __init__(
        self,
        db: Database,
        board: JobQueue,
        budget: Budget,
        forecaster: BuildEstimator,
        builder: Builder,
        batches: BatchBuilder,
        freezer: Freezer,
        attachments: Attachments,
    ) -> None:
        self._db = db
        self._board = board
        self._budget = budget
        self._forecaster = forecaster
        self._builder = builder
        self._batches = batches
        self._freezer = freezer
        self._attachments = attachments

    async def plan(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, BuildEstimate]:
        """Write a build down and say what it will take; it waits for the board's confirm().

        origin: requester_id and channel_id, where it was ordered in Discord. Raises Busy where a build runs,
        and UserError or OverBudget where it cannot be done as it was asked for.
        """
        forecast = await self._forecaster.estimate(spec)
        self._budget.check_price_known(spec.model, spec.budget)  # told now, not in the middle
        return await self._board.plan(spec, **origin), forecast

    async def submit(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, BuildEstimate]:
        """Plan a build and confirm it in one go."""
        job, forecast = await self.plan(spec, **origin)
        return await self._board.confirm(job.id), forecast

    async def run(self, run: Run) -> BuildResult:
        """Carry the job out.

        Its result: the dataset's version, whether it is new, all counts, cost and files.

        What turns out to say the same as another text is asked for again, as rejected answers are.
        """
        spec = run.job.spec_as(BuildSpec)
        account = Account("build", run.job.id, spec.budget)
        await self._book_lost(run, spec, account)
        alike: set[int] = set()
        asked = calls = 0
        admitted: Admitted | None = None
        for left in reversed(range(_ROUNDS)):
            built = await self._build(run, spec, account, alike)
            built.cached -= asked
            built.asked, built.calls = asked, calls = built.asked + asked, built.calls + calls
            admitted = admitted or await self._freezer.admission.now()  # of the moment when all is written
            with Draft() as draft:
                await self._freezer.fill(draft, spec, admitted, alike)
                if left and draft.near_duplicate_ids - alike:
                    alike |= draft.near_duplicate_ids
                    continue
                return await self._freeze(run, spec, built, draft, admitted)
        raise AssertionError("unreachable: the last round freezes")

    async def _freeze(
        self, run: Run, spec: BuildSpec, built: Built, draft: Draft, admitted: Admitted
    ) -> BuildResult:
        await run.progress(built.done, built.done, LocalizedMessage("freezing the dataset"))
        frozen = await self._freezer.freeze(draft, spec.model_dump())
        files = await self._attachments.make(run.job.id, frozen.dataset, draft.lengths, built.finish_reasons)
        return BuildResult(
            dataset=frozen.dataset.id,
            new=frozen.new,
            counts=frozen.dataset.counts,
            asked=built.asked,
            calls=built.calls,
            cached=built.cached,
            lost=run.job.lost,
            given_up=built.given_up,
            rejected=dict(built.rejected),
            dropped=dict(draft.dropped),
            changes=frozen.changes,
            votes=VoteSummary(
                liked=admitted.counts["liked"],
                voted_down=admitted.counts["voted down"],
                unfit=dict(admitted.unfit),
                not_counted=list(admitted.standing.not_counted),
            ),
            cost=await self._budget.spent_by(run.job.id),
            files=files,
        )

    async def _build(self, run: Run, spec: BuildSpec, account: Account, without: Collection[int]) -> Built:
        if spec.batch:
            return await self._batches.build(spec, run, account, without)
        await self._batches.take_in_finished(spec, run, account)
        return await self._builder.build(spec, run, account, without)

    async def pause(self, run: Run) -> None:
        """Batches go on by themselves: what they answer is taken in when the build is resumed."""

    async def cancel(self, run: Run) -> None:
        """Cancel the provider's batches; calls that are out have come home by now."""
        await self._batches.cancel(run.job)

    async def _book_lost(self, run: Run, spec: BuildSpec, account: Account) -> None:
        """Calls that were in the air when a worker died may have been paid for: count and book them once."""
        async with self._db.write() as tx:
            lost = await examples.reset_unanswered(tx, spec.model)
            if lost:
                prompt_tokens, completion_tokens = (
                    lost * tokens for tokens in self._forecaster.at_most(spec)
                )
                await self._budget.book_within(
                    tx, account, spec.model, prompt_tokens, completion_tokens, calls=lost
                )
        if lost:
            await run.update(lost=run.job.lost + lost)
            await run.refresh()
