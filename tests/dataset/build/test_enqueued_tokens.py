"""Batches that the provider's queue does not take: they are sent in parts that fit, within one order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.app import App, Timing, open_app
from bot.dataset.build.enqueued_tokens import EnqueuedTokens
from bot.jobs.queue import WorkerTiming
from bot.llm.batch_api import BatchLimits, Refusal
from bot.settings import Settings
from bot.store import batches, jobs
from bot.store.job_schema import BuildResult
from bot.store.jobs import Job
from tests.support.eventually import eventually
from tests.support.scripted_batches import ScriptedQueue
from tests.support.scripted_server import Script
from tests.support.workflows import run_job

LIMITS = BatchLimits(poll=0.02, start_pauses=(0, 0), queue_pauses=(0.01,) * 8)
TIMING = Timing(worker=WorkerTiming(heartbeat=0.05), batches=LIMITS)


@pytest.fixture
async def app(hosted: Settings) -> AsyncIterator[App]:
    async with open_app(hosted, TIMING) as opened:
        yield opened


async def build(app: App, budget: float | None = None) -> Job:
    return await run_job(app, app.planner.spec(repeats=1, limit=20, batch=True, budget=budget))


def succeeded_in_parts(job: Job, script: Script) -> int:
    """Check that a job has all of its answers, each asked for once. Return how many batches were taken."""
    assert isinstance(job.result, BuildResult), job.error
    assert (job.result.asked, job.result.calls, job.result.given_up) == (20, 20, 0)
    assert len({str(body["messages"]) for body in script.asked}) == len(script.asked) == 20
    assert job.cost == pytest.approx(sum(script_cost(script)), rel=0.01)
    return len(script.batches.created) - len(script.batches.refused)


def script_cost(script: Script) -> list[float]:
    """Return what each answer cost: one at the full price, the others at half of it."""
    first = (20 + 57) / 1000
    return [first, *[0.5 * (20 + 100) / 1000] * (len(script.asked) - 1)]


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        (
            "Enqueued token limit reached for dear in organization org-4. Limit: {limit:,} enqueued tokens.",
            None,
            None,
        ),
        (
            "The number of enqueued tokens has surpassed the configured limit of {limit}.",
            "token_limit_exceeded",
            None,
        ),
        ("Enqueued token limit reached", None, None),
        ("Too much.", "token_limit_exceeded", None),
        ("Enqueued token limit reached for dear. Limit: {limit}", None, 429),
        ("Too many enqueued tokens (limit {limit})", None, 400),
        ("You exceeded the batch queue limit of {limit}", None, 403 + 20),
    ],
)
async def test_a_batch_is_sent_in_parts_that_fit(
    app: App, script: Script, message: str, code: str | None, status: int | None
) -> None:
    """The provider counts tokens otherwise than our estimate; each part ends before the next one is sent."""
    script.batches.queue = queue = ScriptedQueue(400, message.format(limit=400), code, status)
    script.batches.polls = 1
    job = await build(app)
    assert succeeded_in_parts(job, script) >= 3
    assert queue.most <= 400
    assert len(script.batches.refused) <= 4


async def test_parts_of_one_round_share_the_queue(hosted: Settings, script: Script) -> None:
    """Before the first refusal several parts are sent at once; after it, one after the other."""
    script.batches.queue = ScriptedQueue(500, "Enqueued token limit reached. Limit: 500")
    script.batches.polls = 2
    limits = replace(LIMITS, max_requests=7)
    async with open_app(hosted, replace(TIMING, batches=limits)) as app:
        job = await build(app)
    assert succeeded_in_parts(job, script) >= 3


async def test_a_queue_full_of_others_work_is_waited_for(app: App, script: Script) -> None:
    script.batches.queue = ScriptedQueue(
        3000, "Enqueued token limit reached. Limit: 3000", others=[2900, 2900]
    )
    job = await build(app)
    assert succeeded_in_parts(job, script) >= 1
    assert len(script.batches.refused) == 2


async def test_parts_keep_within_the_orders_budget(app: App, script: Script) -> None:
    """19 answers may cost 5.70 together, and cost 1.14."""
    script.batches.queue = ScriptedQueue(400, "Enqueued token limit reached. Limit: 400")
    job = await build(app, budget=1.8)
    assert succeeded_in_parts(job, script) >= 3
    assert job.cost < 1.8


@pytest.mark.parametrize("status", [None, 400])
async def test_a_queue_that_takes_nothing_ends_the_build_with_the_providers_reason(
    app: App, script: Script, status: int | None
) -> None:
    script.batches.queue = ScriptedQueue(1, "Enqueued token limit reached. Limit: 1", status=status)
    job = await build(app)
    assert job.state == "failed"
    assert "Enqueued token limit reached" in str(job.error)
    assert len(script.batches.created) < 10
    script.batches.queue = None
    assert (await build(app)).state == "succeeded"
    assert len({str(body["messages"]) for body in script.asked}) == len(script.asked) == 20


async def test_a_restart_knows_the_parts_that_were_sent_and_what_fits(
    hosted: Settings, script: Script
) -> None:
    script.batches.queue = ScriptedQueue(400, "Enqueued token limit reached. Limit: 400")
    async with open_app(hosted, TIMING) as app:
        job, _ = await app.builds.submit(app.planner.spec(repeats=1, limit=20, batch=True))
        work = asyncio.create_task(app.worker.run_next())

        async def second_part_waits() -> bool:
            if len(script.batches.created) >= 3:
                script.batches.held = True
            async with app.db.read() as tx:
                return bool(script.batches.held and any(row.remote_id for row in await batches.list_open(tx)))

        await eventually(second_part_waits, what="a part is at the provider", interval=0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, owner=None)
    refused = len(script.batches.refused)
    script.batches.held = False

    async with open_app(hosted, TIMING) as restarted:
        assert await restarted.worker.run_next()
        done = await restarted.jobs.get(job.id)

    assert isinstance(done.result, BuildResult), done.error
    assert len({str(body["messages"]) for body in script.asked}) == len(script.asked) == 20
    assert len(script.batches.refused) == refused
    assert done.cost == pytest.approx(sum(script_cost(script)), abs=0.04)  # a restart asks one directly again


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (
            "Enqueued token limit reached for gpt-4 in organization org-1. Limit: 90,000 enqueued tokens.",
            90_000,
        ),
        ("too many enqueued tokens: requested 120000, limit is 100K", 100_000),
        ("enqueued tokens exceed the limit of 1.35M", 1_350_000),
        ("enqueued tokens (limit: 2 000 000)".replace(" 0", "\u202f0"), 2_000_000),
        ("The maximum of 5.000.000 enqueued tokens is reached.", 5_000_000),
        ("Enqueued token limit reached for gpt-4o-2024-08-06", None),
    ],
)
def test_the_limit_is_read_from_the_refusal(words: str, limit: int | None) -> None:
    refusal = Refusal.of(words)
    assert (refusal.queue_full, refusal.limit) == (True, limit)


@pytest.mark.parametrize(
    "words", ["Invalid file: 90000 tokens", "The token is invalid", "Limit: 5 batches", ""]
)
def test_other_refusals_are_no_full_queue(words: str) -> None:
    assert not Refusal.of(words).queue_full


def test_a_named_limit_is_grown_back_to() -> None:
    enqueued = EnqueuedTokens(pauses=(1, 2))
    row = batches.BatchRow(1, 1, "m", 10, 800, 10, None, None, 0, over=True, at=0)
    full = Refusal.of("Enqueued token limit reached. Limit: 1000")
    assert enqueued.refuse(row, full, alone=True) == 1
    assert enqueued.limit == 400
    enqueued.accept()
    enqueued.accept()
    assert enqueued.limit == 1000
