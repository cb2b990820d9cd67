"""Builds through the Batch API: batches are submitted once, joined by key, at half the price."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.app import App, Timing, open_app
from bot.jobs.queue import WorkerTiming
from bot.llm.batch_api import BatchLimits
from bot.llm.budget import Account
from bot.settings import Settings
from bot.store import batches, jobs
from bot.store.job_schema import BuildResult, BuildSpec
from bot.store.jobs import Job
from tests.support.eventually import eventually
from tests.support.scripted_server import Script, describe
from tests.support.workflows import run_job


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05), batches=BatchLimits(poll=0.05, start_pauses=(0, 0)))


@pytest.fixture
async def app(hosted: Settings, timing: Timing) -> AsyncIterator[App]:
    async with open_app(hosted, timing) as opened:
        yield opened


def batch_spec(app: App) -> BuildSpec:
    return app.planner.spec(repeats=1, limit=30, batch=True)


async def until_batch_runs(app: App, job: Job) -> Job:
    """Wait until the job shows the progress of its batch. Return the job."""

    async def is_running() -> bool:
        return "in the provider's batch" in str((await app.jobs.get(job.id)).phase)

    await eventually(is_running, what="the job shows the provider's batch")
    return await app.jobs.get(job.id)


async def test_a_batch_fills_the_dataset_at_half_the_price(app: App, script: Script) -> None:
    job = await run_job(app, batch_spec(app))

    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.given_up, job.result.counts["example"]) == (30, 0, 30)
    assert len(script.batches.created) == 1
    assert len(script.batches.requests) == 29  # one was asked directly, to learn what the model refuses
    assert len(script.asked) == len({str(body["messages"]) for body in script.asked}) == 30
    probe = (20 + len(describe("20", "man", "flight").split())) / 1000  # at the full price
    assert job.cost == pytest.approx(29 * 0.06 + probe, abs=0.02)


async def test_rejected_and_missing_answers_go_into_the_next_batch(app: App, script: Script) -> None:
    script.batches.unanswered = 4
    script.texts = ["Fit.", "Too short."]

    job = await run_job(app, batch_spec(app))

    assert isinstance(job.result, BuildResult)
    assert job.result.counts["example"] == 30
    assert job.result.rejected["too short"] == 2
    assert len(script.batches.created) >= 2
    repeated = [key for key in script.batches.requests if script.batches.requests.count(key) > 1]
    assert len(set(repeated)) <= 4  # only those without an answer


Lines = list[bytes]
RESULTS: list[tuple[str, Callable[[Lines], bytes]]] = [
    ("\u2028", lambda lines: b"\n".join(lines) + b"\n"),
    ("\u2029", lambda lines: b"\xef\xbb\xbf" + b"\n".join(lines)),
    ("\x85", lambda lines: b"\r\n".join(lines) + b"\r\n"),
    ("\x1c", lambda lines: b"\n\n".join(lines) + b"\n\n"),
    ("\x0b", b"\n".join),
]


@pytest.mark.parametrize(("separator", "write_lines"), RESULTS)
async def test_every_line_of_the_results_is_one_answer(
    app: App, script: Script, separator: str, write_lines: Callable[[Lines], bytes]
) -> None:
    """JSON need not escape all that Python takes for the end of a line, and files differ in theirs."""

    def separate(body: dict[str, Any]) -> dict[str, Any]:
        (choice,) = body["choices"]
        text = choice["message"]["content"].replace(". ", f".{separator}")
        return body | {"choices": [choice | {"message": {"content": text}}]}

    script.reshape, script.batches.write_lines = separate, write_lines
    job = await run_job(app, app.planner.spec(repeats=1, limit=14, batch=True))
    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.rejected, len(script.batches.created)) == (14, {}, 1)
    assert len(script.asked) == 14


async def test_answers_that_are_not_understood_are_booked_and_not_ordered_again(
    app: App, script: Script
) -> None:
    """The provider was paid for them; another batch of the same shape would be paid for as well."""
    script.reshape = lambda body: {"output": "text"} if script.batches.created else body
    job = await run_job(app, batch_spec(app))
    assert job.state == "failed"
    assert "unusable answers" in str(job.error)
    assert len(script.batches.created) == 1
    assert job.cost > 29 * 0.5 * 0.5  # the most that each may have used


async def test_progress_counts_cached_and_batch_answers(app: App, script: Script) -> None:
    await run_job(app, app.planner.spec(repeats=1, limit=20, batch=False))
    script.batches.held = True
    job, _ = await app.builds.submit(batch_spec(app))
    work = asyncio.create_task(app.worker.run_next())
    shown = await until_batch_runs(app, job)
    await _kill(app, job, work)
    assert (shown.done, shown.total) == (21, 30)  # with the one that is asked directly


async def test_a_restart_waits_for_the_pending_batch(app: App, script: Script) -> None:
    script.batches.held = True
    job, _ = await app.builds.submit(batch_spec(app))
    work = asyncio.create_task(app.worker.run_next())
    await until_batch_runs(app, job)
    await _kill(app, job, work)
    script.batches.held = False

    assert await app.worker.run_next()

    assert (await app.jobs.get(job.id)).state == "succeeded"
    assert len(script.batches.created) == 1
    assert len(script.asked) == 30


@pytest.mark.parametrize("others", [0, 250])
async def test_a_batch_whose_start_went_unanswered_is_found_and_not_started_again(
    app: App, script: Script, others: int
) -> None:
    script.batches.lost_starts, script.batches.others = 1, others
    job = await run_job(app, batch_spec(app))
    assert job.state == "succeeded"
    assert len(script.batches.created) == 1


async def test_a_refused_batch_fails_with_the_providers_reason_and_blocks_no_later_build(
    app: App, script: Script
) -> None:
    script.batches.refusal = "The file is too small"
    job = await run_job(app, batch_spec(app))
    assert job.state == "failed"
    assert "The file is too small" in str(job.error)

    script.batches.refusal = None
    assert (await run_job(app, batch_spec(app))).state == "succeeded"


@pytest.mark.parametrize("status", [400, 404])
async def test_a_start_that_is_refused_fails_with_the_providers_reason(
    app: App, script: Script, status: int
) -> None:
    script.faults["POST /v1/batches"] = [status]
    job = await run_job(app, batch_spec(app))
    assert job.state == "failed"
    assert str(job.error).startswith("The provider refused the batch: ")
    assert (await run_job(app, batch_spec(app))).state == "succeeded"
    assert len(script.batches.created) == 1


@pytest.mark.parametrize("status", [400, 404])
async def test_an_earlier_jobs_file_that_the_provider_has_no_more_blocks_no_build(
    app: App, script: Script, status: int
) -> None:
    earlier = await app.jobs.submit(batch_spec(app))
    await app.jobs.cancel(earlier.id)
    tokens = {"prompt_tokens": 1, "completion_tokens": 1}
    async with app.db.write() as tx:
        row = await batches.add(tx, job_id=earlier.id, model="dear", requests=1, at=1.0, **tokens)
        await batches.change(tx, row.id, file="file-gone")
    script.faults["POST /v1/batches"] = [status]

    assert (await run_job(app, batch_spec(app))).state == "succeeded"

    async with app.db.read() as tx:
        assert await batches.list_open(tx) == []


async def test_parts_that_exceed_the_budget_together_are_submitted_in_turn(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    """An answer may cost 0.30 and costs about 0.06: 29 could cost 8.70, five fit into two dollars."""
    limits = replace(timing.batches, max_requests=5)
    async with open_app(hosted, replace(timing, batches=limits)) as app:
        job = await run_job(app, app.planner.spec(repeats=1, limit=30, batch=True, budget=2.5))
    assert job.state == "succeeded", job.error
    assert len(script.batches.created) >= 6
    assert job.cost < 2.5
    assert len(script.asked) == 30


async def test_a_pending_batch_counts_against_the_daily_budget(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.batches.held = True
    async with open_app(hosted.model_copy(update={"daily_budget": 10.0}), timing) as app:
        job, _ = await app.builds.submit(batch_spec(app))
        work = asyncio.create_task(app.worker.run_next())
        await eventually(lambda: script.batches.created, what="a batch is created")
        remaining = await app.budget.remaining(Account("hero"))
        await _kill(app, job, work)
    assert remaining is not None
    assert remaining < 2


async def test_a_direct_build_reuses_the_answers_of_a_cancelled_batch(app: App, script: Script) -> None:
    """The provider had answered before it cancelled the batch."""
    script.batches.held = True
    job, _ = await app.builds.submit(batch_spec(app))
    work = asyncio.create_task(app.worker.run_next())
    await eventually(lambda: script.batches.created, what="a batch is created")
    await app.jobs.cancel(job.id)
    await asyncio.wait_for(work, 5)
    script.batches.held = False
    assert await app.worker.run_next()
    script.batches.cancelled.clear()

    direct = await run_job(app, app.planner.spec(repeats=1, limit=30, batch=False))

    assert direct.state == "succeeded"
    assert len(script.asked) == 30
    assert (await app.jobs.get(job.id)).cost > 1
    assert direct.cost == 0


async def test_batch_answers_are_moderated(hosted: Settings, script: Script) -> None:
    script.flagged = {"street 7,", "street 9,"}
    async with open_app(hosted.model_copy(update={"moderate": True})) as app:
        job = await run_job(app, batch_spec(app))
    assert isinstance(job.result, BuildResult)
    assert job.result.rejected == {"flagged by moderation": 2}
    assert job.result.counts["example"] == 30


async def test_a_server_without_batch_api_fails_with_a_clear_error(app: App, script: Script) -> None:
    script.batches.unknown = True
    job = await run_job(app, batch_spec(app))
    assert "has no Batch API" in str(job.error)


@pytest.mark.parametrize("paused", [False, True])
async def test_cancelling_a_job_cancels_its_batch_and_pausing_does_not(
    app: App, script: Script, *, paused: bool
) -> None:
    script.batches.held = True
    job, _ = await app.builds.submit(batch_spec(app))
    work = asyncio.create_task(app.worker.run_next())
    await until_batch_runs(app, job)
    if paused:
        await app.jobs.pause(job.id)
        await asyncio.wait_for(work, 5)
        assert script.batches.cancelled == set()
    assert (await app.jobs.cancel(job.id)).state == "cancelling"
    await asyncio.wait_for(work, 5)
    assert await app.worker.run_next()
    assert script.batches.cancelled == {"batch-1"}
    assert (await app.jobs.get(job.id)).state == "cancelled"


async def test_large_builds_use_batches_by_default(hosted: Settings, settings: Settings) -> None:
    async with open_app(hosted.model_copy(update={"batch_from": 50})) as app:
        assert app.planner.spec(limit=50).batch
        assert not app.planner.spec(limit=49).batch
        assert not app.planner.spec(limit=60, batch=False).batch
    async with open_app(settings.model_copy(update={"batch_from": 50})) as app:
        assert not app.planner.spec(limit=60).batch  # the engine's direct answers cost nothing either
        assert app.planner.spec(limit=60, batch=True).batch


async def _kill(app: App, job: Job, work: "asyncio.Task[bool]") -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, owner=None)
