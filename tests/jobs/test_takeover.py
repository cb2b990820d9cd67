"""Two worker processes on one database: one dies or stands still, and the other takes its job over."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from bot.app import App, Timing
from bot.dataset.build.builder import ENGINE_WORKERS
from bot.errors import DatabaseBusy
from bot.jobs.queue import WorkerTiming
from bot.settings import Settings
from bot.store.database import open_database
from bot.store.job_schema import FinetuneResult
from bot.store.jobs import Job
from bot.store.schema import metadata
from bot.store.timing import DatabaseTiming
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.worker_processes import WorkerProcess, WorkerProcesses, worker_processes
from tests.support.workflows import build, build_spec

pytestmark = pytest.mark.timeout(300)

_QUICK = Timing(worker=WorkerTiming(heartbeat=0.5, stale_after=4.0, poll=0.1))
_PATIENCE = 90.0  # seconds for what another process does, on a busy machine
_HOUR = 3600.0


@pytest.fixture
def workers(settings: Settings) -> Iterator[WorkerProcesses]:
    with worker_processes(settings, _QUICK) as started:
        yield started


async def until_taken(app: App, job_id: int, by: WorkerProcess) -> None:
    async def taken() -> bool:
        owner = (await app.jobs.get(job_id)).owner
        return owner is not None and f":{by.pid}:" in owner

    await eventually(taken, what="the worker takes the job", timeout=_PATIENCE)


async def ready(worker: WorkerProcess) -> WorkerProcess:
    """Return a worker once it looks for jobs."""
    await eventually(worker.ready.is_set, what="the worker looks for jobs", timeout=_PATIENCE)
    return worker


async def stop_between_writes(worker: WorkerProcess, app: App) -> None:
    """Stop a worker. In SQLite, one that is stopped in the middle of a write lets nobody else write."""
    async with open_database(app.settings.database, DatabaseTiming(busy_timeout=0.3)) as db:

        async def is_stopped() -> bool:
            worker.stand_still()
            try:
                await db.check_writable()
            except DatabaseBusy:
                worker.go_on()
                return False
            return True

        await eventually(is_stopped, what="the worker stands still", timeout=_PATIENCE, interval=0.1)


async def until_ended(app: App, job_id: int) -> Job:
    async def ended() -> bool:
        return (await app.jobs.get(job_id)).ended

    await eventually(ended, what="the job ends", timeout=_PATIENCE)
    return await app.jobs.get(job_id)


async def all_rows(app: App) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the database holds."""
    async with app.db.read() as tx:
        return {
            table.name: [tuple(row) for row in await tx.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def asked_again(script: Script) -> int:
    """Return how many chats asked for what another one had asked before."""
    times = Counter(repr((each["model"], each["messages"], each.get("seed"))) for each in script.asked)
    return times.total() - len(times)


def hang_after(script: Script, answers: int) -> None:
    """Answer so many chats from now on, and let later ones hang."""
    left = answers

    def count(stage: str, request: web.Request) -> None:
        nonlocal left
        if stage == "before" and request.path.endswith("/chat/completions"):
            left -= 1
            if left == -1:
                script.may_answer.clear()

    script.on_request = count


async def until_all_hang(script: Script) -> None:
    """Wait until no more chats are sent, because those that were get no answer."""
    hanging = 0

    def all_hang() -> bool:
        nonlocal hanging
        before, hanging = hanging, script.answering
        return 0 < before == hanging

    await eventually(all_hang, what="chats hang", timeout=_PATIENCE, interval=0.5)


async def test_a_killed_workers_job_goes_on_elsewhere_within_twenty_seconds(
    app: App, settings: Settings, script: Script
) -> None:
    """With the intervals that workers have."""
    with worker_processes(settings, Timing()) as workers:
        job, _ = await app.builds.submit(build_spec(app, limit=60))
        hang_after(script, 20)
        first = workers.start()
        await until_taken(app, job.id, first)
        second = await ready(workers.start())
        await until_all_hang(script)

        first.kill()
        killed_at = time.monotonic()
        await until_taken(app, job.id, second)
        assert time.monotonic() - killed_at < 20

        script.may_answer.set()
        job = await until_ended(app, job.id)
    assert job.state == "succeeded"
    assert 0 < asked_again(script) <= job.lost <= ENGINE_WORKERS


async def test_a_worker_that_stood_still_writes_nothing_for_a_build_that_another_one_ended(
    app: App, script: Script, workers: WorkerProcesses
) -> None:
    job, _ = await app.builds.submit(build_spec(app, limit=40))
    hang_after(script, 20)
    ghost = workers.start()
    await until_taken(app, job.id, ghost)
    heir = await ready(workers.start())
    await until_all_hang(script)
    await stop_between_writes(ghost, app)
    await until_taken(app, job.id, heir)
    script.may_answer.set()  # the ghost's answers arrive as well, and wait for it
    assert (await until_ended(app, job.id)).state == "succeeded"

    await assert_that_nothing_is_written_by(ghost, heir, app, script)
    assert asked_again(script) <= ENGINE_WORKERS  # those that were in flight


@pytest.mark.settings(check_heroes=12)
async def test_a_worker_that_stood_still_writes_nothing_for_a_training_that_another_one_ended(
    app: App, script: Script, workers: WorkerProcesses
) -> None:
    await build(app)
    job, _ = await app.finetunes.submit(epochs=1)
    hang_after(script, 3)
    ghost = workers.start()
    await until_taken(app, job.id, ghost)
    heir = await ready(workers.start())
    await until_all_hang(script)  # the check of the new model
    await stop_between_writes(ghost, app)
    await until_taken(app, job.id, heir)
    script.may_answer.set()
    ended = await until_ended(app, job.id)
    assert ended.result_as(FinetuneResult).state == "live"

    await assert_that_nothing_is_written_by(ghost, heir, app, script)
    assert asked_again(script) <= ENGINE_WORKERS  # those that were in flight
    assert len(script.trainings.created) == 1


async def assert_that_nothing_is_written_by(
    ghost: WorkerProcess, heir: WorkerProcess, app: App, script: Script
) -> None:
    """Let a worker go on after its heir has ended the job: it notices that, and writes and asks nothing."""
    heir.kill()
    before, asked = await all_rows(app), len(script.asked)
    ghost.go_on()
    await eventually(ghost.let_go.is_set, what="the worker gives the job up", timeout=_PATIENCE)
    assert await all_rows(app) == before
    assert len(script.asked) == asked


@pytest.mark.parametrize("ahead", [_HOUR, -_HOUR])
async def test_a_clock_that_is_wrong_neither_loses_a_job_nor_takes_one(
    app: App, script: Script, workers: WorkerProcesses, ahead: float
) -> None:
    """The clock of one worker is an hour ahead, the other's an hour behind."""
    job, _ = await app.builds.submit(build_spec(app, limit=30))
    hang_after(script, 10)
    first = workers.start(ahead=ahead)
    await until_taken(app, job.id, first)
    second = await ready(workers.start(ahead=-ahead))
    await until_all_hang(script)
    owner = (await app.jobs.get(job.id)).owner
    assert owner
    end = time.monotonic() + 2 * _QUICK.worker.stale_after  # it would be stale by now
    while time.monotonic() < end:
        now = await app.jobs.get(job.id)
        assert now.owner == owner
        assert app.jobs.is_claimed(now)
        await asyncio.sleep(0.2)

    first.kill()
    await until_taken(app, job.id, second)
    script.may_answer.set()
    job = await until_ended(app, job.id)
    assert job.state == "succeeded"
    assert job.started_at
    assert job.finished_at
    assert 0 <= job.finished_at - job.started_at < _PATIENCE  # by one clock
