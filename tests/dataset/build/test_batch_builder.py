"""Builds through the Batch API: submitted once, joined by key, half the price."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.app import App, Timing, open_app
from bot.errors import UserError
from bot.jobs.queue import WorkerTiming
from bot.llm.budget import Account
from bot.settings import Settings
from bot.store import jobs
from bot.store.job_schema import BuildResult, BuildSpec
from bot.store.jobs import Job
from tests.support.scripted_server import Script, describe
from tests.support.workflows import carry_out


@pytest.fixture
async def app(hosted: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    monkeypatch.setattr("bot.dataset.build.batch_builder._POLL", 0.05)
    async with open_app(
        hosted, Timing(worker=WorkerTiming(heartbeat=0.05), batch_start_pauses=(0, 0))
    ) as opened:
        yield opened


def wanted(app: App) -> BuildSpec:
    return app.planner.spec(repeats=1, limit=30, batch=True)


async def test_a_batch_fills_the_dataset_at_half_the_price(app: App, script: Script) -> None:
    job = await carry_out(app, wanted(app))

    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.given_up, job.result.counts["example"]) == (30, 0, 30)
    assert len(script.batches.created) == 1
    assert len(script.batches.requests) == 29  # one was asked directly, to learn what the model refuses
    assert len(script.asked) == len({str(body["messages"]) for body in script.asked}) == 30
    probe = (20 + len(describe("20", "man", "flight").split())) / 1000  # at the full price
    assert job.cost == pytest.approx(29 * 0.06 + probe, abs=0.02)


async def test_what_is_rejected_or_lost_goes_into_the_next_batch(app: App, script: Script) -> None:
    script.batches.unanswered = 4
    script.texts = ["Fit.", "Too short."]

    job = await carry_out(app, wanted(app))

    assert isinstance(job.result, BuildResult)
    assert job.result.counts["example"] == 30
    assert job.result.rejected["too short"] == 2
    assert len(script.batches.created) >= 2
    repeated = [key for key in script.batches.requests if script.batches.requests.count(key) > 1]
    assert len(set(repeated)) <= 4  # those that got no answer, and nobody else's


async def test_progress_counts_what_was_cached_and_what_the_batch_has_answered(
    app: App, script: Script
) -> None:
    await carry_out(app, app.planner.spec(repeats=1, limit=20, batch=False))
    script.batches.held = True
    job, _ = await app.builds.submit(wanted(app))
    work = asyncio.create_task(app.worker.run_next())
    while "in the provider's batch" not in str((shown := await app.jobs.get(job.id)).phase):
        await asyncio.sleep(0.05)
    await _kill(app, job, work)
    assert (shown.done, shown.total) == (21, 30)  # the one that is asked directly among them


async def test_a_restart_waits_for_the_batch_that_is_out(app: App, script: Script) -> None:
    script.batches.held = True
    job, _ = await app.builds.submit(wanted(app))
    work = asyncio.create_task(app.worker.run_next())
    while "in the provider's batch" not in str((await app.jobs.get(job.id)).phase):
        await asyncio.sleep(0.05)
    await _kill(app, job, work)
    script.batches.held = False

    assert await app.worker.run_next()

    assert (await app.jobs.get(job.id)).state == "succeeded"
    assert len(script.batches.created) == 1
    assert len(script.asked) == 30


@pytest.mark.parametrize("others", [0, 250])
async def test_a_batch_whose_answer_got_lost_is_found_and_not_started_again(
    app: App, script: Script, others: int
) -> None:
    script.batches.lost_starts, script.batches.others = 1, others
    job = await carry_out(app, wanted(app))
    assert job.state == "succeeded"
    assert len(script.batches.created) == 1


async def test_a_refused_batch_is_told_in_the_providers_words_and_stops_no_later_one(
    app: App, script: Script
) -> None:
    script.batches.refusal = "Enqueued token limit reached"
    job = await carry_out(app, wanted(app))
    assert job.state == "failed"
    assert "Enqueued token limit reached" in str(job.error)

    script.batches.refusal = None
    assert (await carry_out(app, wanted(app))).state == "succeeded"


async def test_parts_that_do_not_fit_the_budget_together_go_out_one_after_the_other(
    app: App, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer may cost 0.30 and costs about 0.06: 29 could cost 8.70, five fit into two dollars."""
    monkeypatch.setattr("bot.dataset.build.batch_builder.LARGEST_PART", 5)
    job = await carry_out(app, app.planner.spec(repeats=1, limit=30, batch=True, budget=2.5))
    assert job.state == "succeeded", job.error
    assert len(script.batches.created) >= 6
    assert job.cost < 2.5
    assert len(script.asked) == 30


async def test_a_batch_out_counts_against_the_day_until_it_is_booked(
    hosted: Settings, script: Script
) -> None:
    script.batches.held = True
    async with open_app(hosted.model_copy(update={"daily_budget": 10.0})) as app:
        job, _ = await app.builds.submit(wanted(app))
        work = asyncio.create_task(app.worker.run_next())
        while not script.batches.created:
            await asyncio.sleep(0.02)
        room = await app.budget.remaining(Account("hero"))
        await _kill(app, job, work)
    assert room is not None
    assert room < 2


async def test_a_direct_build_pays_for_nothing_that_a_cancelled_batch_answered(
    app: App, script: Script
) -> None:
    """The provider had answered by the time it was told to stop."""
    script.batches.held = True
    job, _ = await app.builds.submit(wanted(app))
    work = asyncio.create_task(app.worker.run_next())
    while not script.batches.created:
        await asyncio.sleep(0.02)
    await app.jobs.cancel(job.id)
    await asyncio.wait_for(work, 5)
    script.batches.held = False
    assert await app.worker.run_next()
    script.batches.cancelled.clear()

    direct = await carry_out(app, app.planner.spec(repeats=1, limit=30, batch=False))

    assert direct.state == "succeeded"
    assert len(script.asked) == 30
    assert (await app.jobs.get(job.id)).cost > 1
    assert direct.cost == 0


async def test_batches_are_moderated_too(hosted: Settings, script: Script) -> None:
    script.flagged = {"street 7,", "street 9,"}
    async with open_app(hosted.model_copy(update={"moderate": True})) as app:
        job = await carry_out(app, wanted(app))
    assert isinstance(job.result, BuildResult)
    assert job.result.rejected == {"flagged by moderation": 2}
    assert job.result.counts["example"] == 30


async def test_a_server_without_batches_is_told_so(app: App, script: Script) -> None:
    script.batches.unknown = True
    job = await carry_out(app, wanted(app))
    assert "has no Batch API" in str(job.error)


@pytest.mark.parametrize("paused", [False, True])
async def test_cancelling_stops_the_provider_and_pausing_does_not(
    app: App, script: Script, *, paused: bool
) -> None:
    script.batches.held = True
    job, _ = await app.builds.submit(wanted(app))
    work = asyncio.create_task(app.worker.run_next())
    while "in the provider's batch" not in str((await app.jobs.get(job.id)).phase):
        await asyncio.sleep(0.02)
    if paused:
        await app.jobs.pause(job.id)
        await asyncio.wait_for(work, 5)
        assert script.batches.cancelled == set()
    assert (await app.jobs.cancel(job.id)).state == "cancelling"
    await asyncio.wait_for(work, 5)
    assert await app.worker.run_next()
    assert script.batches.cancelled == {"batch-1"}
    assert (await app.jobs.get(job.id)).state == "cancelled"


async def test_large_builds_use_batches_by_themselves(hosted: Settings, settings: Settings) -> None:
    async with open_app(hosted.model_copy(update={"batch_from": 50})) as app:
        assert app.planner.spec(limit=50).batch
        assert not app.planner.spec(limit=49).batch
        assert not app.planner.spec(limit=60, batch=False).batch
    async with open_app(settings.model_copy(update={"batch_from": 50})) as app:
        assert not app.planner.spec(limit=60).batch
        with pytest.raises(UserError, match="no Batch API"):
            app.planner.spec(limit=60, batch=True)


async def _kill(app: App, job: Job, work: "asyncio.Task[bool]") -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, owner=None)
