"""Run a fine-tuning job: upload a dataset, start the training, follow it, and register the model."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import asdict
from functools import partial

from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import HerosmithError, OutOfReach, Unavailable, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.jobs.worker import Run
from bot.llm.bookings import Bookings
from bot.llm.budget import Account, Budget
from bot.llm.retry import BACKGROUND, INTERACTIVE, RetryPolicy, retry_after
from bot.registry.names import model_name
from bot.registry.registry import Registry
from bot.store import clock, datasets, jobs
from bot.store.database import Database, Transaction
from bot.store.job_schema import FinetuneResult, FinetuneSpec
from bot.store.jobs import Job
from bot.tuning.durations import durations
from bot.tuning.estimate import trainable_dataset
from bot.tuning.follow import HELD, TrainingFollower, TrainingTiming, out_of_reach, poll_until
from bot.tuning.losses import Losses, losses_from_csv, losses_from_events
from bot.tuning.remote_api import FineTuningApi, Training, Uncertain, may_have_started
from bot.tuning.results import TrainingResults
from bot.tuning.training_files import training_files

log = logging.getLogger(__name__)

_NOT_HELD = LocalizedMessage(
    "the training goes on at the model server, which cannot hold it, and Resume follows it again"
)

_TRAINED = LocalizedMessage("the model is trained; its check goes on after Resume")

_QUESTION = {
    "engine": mark(
        "The engine's answer got lost: did it start this training? Look at its list of jobs, then answer "
        "with the job's id, or say that there is none."
    ),
    "server": mark(
        "The model server's answer got lost: did it start this training? Look at its list of jobs, then "
        "answer with the job's id, or say that there is none."
    ),
}


class FinetuneRunner:
    """Runs fine-tuning jobs at the server that trains."""

    def __init__(
        self,
        db: Database,
        api: FineTuningApi,
        budget: Budget,
        bookings: Bookings,
        registry: Registry,
        results: TrainingResults,
        timing: TrainingTiming,
    ) -> None:
        self._db = db
        self._api = api
        self._follower = TrainingFollower(api, timing)
        self._budget = budget
        self._bookings = bookings
        self._registry = registry
        self._results = results
        self._timing = timing

    async def run(self, run: Run) -> FinetuneResult:
        """Run the job and return its result.

        The ids of files and training are written into the row before they are used, and the time of the
        start call before the call: so a job that another worker continues repeats nothing. Raises UserError
        with the server's reason if the training failed.
        """
        spec = run.job.spec_as(FinetuneSpec)
        remote_id = run.job.remote_job_id or await self._start_or_find(run, spec)
        remote = await self._follower.follow(run, remote_id)
        trained = spec.tokens if remote.trained_tokens is None else remote.trained_tokens
        await self._bookings.book_training(Account("tuning", run.job.id), spec.base, trained)
        live = await self._registry.live()
        model = await self._results.register(run.job.id, spec, remote)
        await run.update(phase=LocalizedMessage("saving the new model"))
        model, left_to_do = await self._results.deploy(model, remote)
        events = await self._api.all_events(remote.id)
        losses = await self._losses(remote, events)
        await self._results.keep_losses(model, remote, losses)
        check = await self._results.check(run, model)
        model = await self._registry.get(model.id)
        await run.update(phase=LocalizedMessage("writing three heroes to compare"))
        shown = await self._results.report(run.job.id, spec, model, live, losses)
        took = durations(remote, events)
        await run.refresh()  # its times are of one clock, whatever hosts worked on it
        return FinetuneResult(
            model=model.id,
            name=model.name,
            state=model.state,
            dataset=spec.dataset,
            trained_tokens=trained,
            seconds=round(run.job.read_at - (run.job.started_at or run.job.read_at), 1),
            start_seconds=took.start if took else None,
            training_seconds=took.training if took else None,
            deploy=left_to_do,
            verdict=model.verdict,
            live=model.verdict.live_id if model.verdict else live.id if live else None,
            ahead=await self._registry.count_ahead(model),
            **check,
            **losses.held_out,
            **(asdict(losses.kept) if losses.kept else {}),
            **shown,
        )

    async def pause(self, run: Run) -> None:
        """Tell the server to hold the training. The phase in the row says what came of it."""
        remote_id = run.job.remote_job_id
        if remote_id is None and run.job.remote_asked_at:
            with suppress(Uncertain, Unavailable):
                remote_id = await self._find_once(run, run.job.spec_as(FinetuneSpec), INTERACTIVE)
            if remote_id:
                await run.update_even_if_stopped(remote_job_id=remote_id)
        if await self._registry.of_job(run.job.id):
            await run.update_even_if_stopped(phase=_TRAINED)
        elif remote_id is not None:
            held = await self._api.pause(remote_id)
            await run.update_even_if_stopped(phase=HELD if held else _NOT_HELD)
        elif run.job.remote_asked_at is not None:
            await run.update_even_if_stopped(
                phase=LocalizedMessage("Resume finds out whether the training has begun")
            )
        else:
            await run.update_even_if_stopped(phase=LocalizedMessage("not begun"))

    async def cancel(self, run: Run) -> None:
        """Cancel the server's training, and book what it has trained.

        Raises UserError if a training may go on there, or the model was trained already.
        """
        model = await self._registry.of_job(run.job.id)
        if model:
            raise UserError(
                "{model} was trained already, and is kept. To check whether it may go live: `{/models check "
                "model:{number}}`.",
                model=model_name(model.id),
                number=model.id,
            )
        spec, remote_id = run.job.spec_as(FinetuneSpec), run.job.remote_job_id
        provider = self._api.provider
        if remote_id is None and run.job.remote_asked_at:
            try:
                remote_id = await self._find_once(run, spec, INTERACTIVE)
            except (Uncertain, Unavailable) as error:
                raise UserError(
                    provider.wording(
                        engine=mark(
                            "It is not known whether the engine started a training: look at its list."
                        ),
                        server=mark(
                            "It is not known whether the model server started a training: look at its list."
                        ),
                    )
                ) from error
        if remote_id is None:
            return
        try:
            await self._api.cancel(remote_id)
        except HerosmithError as error:
            raise UserError(
                provider.wording(
                    engine=mark(
                        "The engine could not be told to stop {remote_id}: find out there whether it still "
                        "trains."
                    ),
                    server=mark(
                        "The model server could not be told to stop {remote_id}: find out there whether it "
                        "still trains."
                    ),
                ),
                remote_id=remote_id,
            ) from error
        with suppress(HerosmithError):
            trained = (await self._api.get(remote_id)).trained_tokens
            share = spec.tokens * run.job.done // run.job.total if run.job.total else 0
            account = Account("tuning", run.job.id)
            await self._bookings.book_training(account, spec.base, share if trained is None else trained)

    async def _start_or_find(self, run: Run, spec: FinetuneSpec) -> str:
        """Return the training's id: upload the files and start it, or find the one that was started."""
        remote_id = await self._find(run, spec) if run.job.remote_asked_at else None
        if remote_id is None:
            account = Account("tuning", run.job.id)
            await self._budget.check_training(account, spec.base, spec.tokens, besides=spec.check_cost)
            files = await self._upload(run, spec)
            remote_id = await self._start(run, spec, files)
        await run.update(remote_job_id=remote_id)
        return remote_id

    async def _upload(self, run: Run, spec: FinetuneSpec) -> dict[str, str]:
        """Upload each file that has texts, wait until the server has read it; return file ids by part."""
        await run.progress(0, 0, LocalizedMessage("sending the dataset"))
        async with self._db.read() as tx:
            await trainable_dataset(tx, spec.dataset)  # texts may have been deleted since the plan
            items = await datasets.list_items(tx, spec.dataset)
        files = dict(run.job.remote_file_ids or {})
        prefix, continues = self._api.provider.prefix, self._api.provider.continues
        upload = await asyncio.to_thread(
            training_files, items, spec.method, prefix=prefix, continues=continues
        )
        reference = await self._results.reference_file()
        for file in [*upload, *([reference] if reference else [])]:
            if file.part not in files:
                files[file.part] = await self._api.files.upload(
                    file, since=run.job.started_at or run.job.read_at
                )
                await run.update(remote_file_ids=files)
        for file_id in files.values():
            await poll_until(partial(self._api.files.is_processed, file_id), self._timing)
        return files

    async def _start(self, run: Run, spec: FinetuneSpec, files: dict[str, str]) -> str:
        """Start the training once: if the answer is lost, look whether it started before trying again."""
        account = Account("tuning", run.job.id)

        async def check(tx: Transaction) -> None:
            await self._budget.check_training_within(
                tx, account, spec.base, spec.tokens, besides=spec.check_cost
            )

        for pause in self._timing.start_pauses:
            await run.update(check, remote_asked_at=clock.now())
            try:
                return await self._api.start(_training(run.job, spec), files)
            except OutOfReach as error:
                wait = max(pause, retry_after(error.__cause__) or 0.0)
                log.warning("job %d: was the training started? checking in %.0f s", run.job.id, wait)
                await asyncio.sleep(wait)
                if not may_have_started(error):
                    continue
            started = await self._find(run, spec)
            if started:
                return started
        raise Unavailable(
            self._api.provider.wording(
                engine=mark("The engine did not take the training. Run `{/finetune}` again later."),
                server=mark("The model server did not take the training. Run `{/finetune}` again later."),
            )
        )

    async def _find(self, run: Run, spec: FinetuneSpec) -> str | None:
        """Return the training that was started for this row; ask an operator if the server does not show it.

        None counts only some time after the start call: the call may still be under way, the list may lag.
        """
        is_told = False
        while True:
            await run.refresh()
            since_asked = run.job.read_at - (run.job.remote_asked_at or 0.0)
            try:
                found = await self._find_once(run, spec, BACKGROUND)
            except Uncertain:
                await run.ask(LocalizedMessage(self._api.provider.wording(**_QUESTION)))
            except Unavailable as error:
                if not is_told:  # once an outage
                    log.warning("job %d: %s", run.job.id, error, exc_info=error.__cause__)
                is_told = True
                await run.update(phase=out_of_reach(self._api.provider))
            else:
                is_told = False
                if found or since_asked > self._timing.listed_within:
                    return found
                await run.update(phase=LocalizedMessage("finding out whether the training has begun"))
            timing = self._timing
            await asyncio.sleep(min(timing.slowest_poll, max(timing.poll, timing.listed_within / 10)))

    async def _find_once(self, run: Run, spec: FinetuneSpec, policy: RetryPolicy) -> str | None:
        async with self._db.read() as tx:
            others = await jobs.remote_job_ids(tx) - {run.job.remote_job_id}
        files = run.job.remote_file_ids
        if not files:
            return None
        return await self._api.find(
            _training(run.job, spec),
            files,
            since=run.job.started_at or run.job.remote_asked_at or 0.0,
            others=others,
            policy=policy,
        )

    async def _losses(self, remote: FineTuningJob, events: list[FineTuningJobEvent]) -> Losses:
        """Return the losses that the server measured, from its events or else a result file; maybe none."""
        losses = losses_from_events(events)
        for file_id in remote.result_files or ():
            if losses.train or losses.valid:
                break
            losses = losses_from_csv(await self._api.files.content(file_id))
        return losses


def _training(job: Job, spec: FinetuneSpec) -> Training:
    """Return the training to start. Its key is unique: no other row anywhere has this id and time."""
    return Training(spec.base, spec.method, spec.epochs, f"{job.id}-{job.created_at}")
