"""Builds through the Batch API: submitted once, joined by key, half the price."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.app import App, open_app
from bot.dataset.plan import BuildSpec
from bot.errors import UserError
from bot.settings import Settings
from bot.store import jobs
from bot.store.jobs import Job
from tests.loops import carry_out
from tests.scripted_server import Script


@pytest.fixture
async def app(hosted: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    monkeypatch.setattr("bot.dataset.batch._POLL", 0.05)
    monkeypatch.setattr("bot.worker.HEARTBEAT", 0.05)
    async with open_app(hosted) as opened:
        yield opened


def wanted(app: App) -> BuildSpec:
    return app.planner.spec(repeats=1, limit=30, batch=True)


async def test_a_batch_fills_the_dataset_at_half_the_price(app: App, script: Script) -> None:
    job = await carry_out(app, wanted(app))

    assert job.result is not None
    assert (job.result["asked"], job.result["given_up"], job.result["counts"]["example"]) == (30, 0, 30)
    assert len(script.batches.created) == 1
    assert len(script.batches.requests) == 29  # one was asked directly, to learn what the model refuses
    assert len(script.asked) == len({str(body["messages"]) for body in script.asked}) == 30
    assert job.cost == pytest.approx((20 + len(script.asked)) / 1000 * 0 + 29 * 0.06 + 0.02, rel=0.2)


async def test_what_is_rejected_or_lost_goes_into_the_next_batch(app: App, script: Script) -> None:
    script.batches.unanswered = 4
    script.texts = ["Fit.", "Too short."]

    job = await carry_out(app, wanted(app))

    assert job.result is not None
    assert job.result["counts"]["example"] == 30
    assert job.result["rejected"]["too short"] == 2
    assert len(script.batches.created) >= 2
    repeated = [key for key in script.batches.requests if script.batches.requests.count(key) > 1]
    assert len(set(repeated)) <= 4  # those that got no answer, and nobody else's


async def test_a_restart_waits_for_the_batch_that_is_out(app: App, script: Script) -> None:
    script.batches.held = True
    job, _ = await app.builds.order(wanted(app))
    work = asyncio.create_task(app.worker.run_next())
    while not (await app.board.get(job.id)).phase.startswith("in the provider's batch"):
        await asyncio.sleep(0.05)
    await _kill(app, job, work)
    script.batches.held = False

    assert await app.worker.run_next()

    assert (await app.board.get(job.id)).state == "succeeded"
    assert len(script.batches.created) == 1
    assert len(script.asked) == 30


async def test_a_batch_whose_number_got_lost_is_found_again(app: App, script: Script) -> None:
    """The provider took it, but its answer never came: the job fails, and the next build finds the batch."""
    script.batches.lost_starts = 1
    job = await carry_out(app, wanted(app))
    assert job.state == "failed"

    again = await carry_out(app, wanted(app))

    assert again.state == "succeeded"
    assert len(script.batches.created) == 1


async def test_a_refused_batch_is_told_in_the_providers_words(app: App, script: Script) -> None:
    script.batches.refusal = "Enqueued token limit reached"
    job = await carry_out(app, wanted(app))
    assert job.state == "failed"
    assert "Enqueued token limit reached" in (job.error or "")


async def test_cancelling_stops_the_provider_and_pausing_does_not(app: App, script: Script) -> None:
    script.batches.held = True
    job, _ = await app.builds.order(wanted(app))
    for order in (app.board.pause, app.board.cancel):
        work = asyncio.create_task(app.worker.run_next())
        while (await app.board.get(job.id)).owner is None:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        assert script.batches.cancelled == set()
        await order(job.id)
        await asyncio.wait_for(work, 5)
        if order == app.board.pause:
            assert script.batches.cancelled == set()
            await app.board.resume(job.id)
    assert await app.worker.run_next()
    assert (await app.board.get(job.id)).state == "cancelled"
    assert script.batches.cancelled == {"batch-1"}


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
