"""The worker: claims, releases and continues jobs."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial

import psutil
import pytest

from bot.app import App, Timing, open_app
from bot.errors import Busy
from bot.jobs.queue import WorkerTiming
from bot.jobs.worker import Run, Worker
from bot.processes import run_worker
from bot.settings import Settings
from bot.store import jobs
from bot.store.job_schema import BuildResult, BuildSpec
from tests.support.eventually import eventually
from tests.support.locked_database import TIMING, held
from tests.support.scripted_server import Script
from tests.support.workflows import build_spec


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05))


async def order(app: App) -> int:
    return (await app.jobs.submit(BuildSpec())).id


async def is_claimed(app: App, job_id: int) -> bool:
    return (await app.jobs.get(job_id)).owner is not None


async def has_ended(app: App, job_id: int) -> bool:
    return (await app.jobs.get(job_id)).ended


class FakeRunner:
    """A runner whose run() is a test's function."""

    def __init__(self, work: Callable[[Run], Awaitable[BuildResult]]) -> None:
        self._work = work
        self.cancelled: list[int] = []
        self.paused: list[int] = []

    async def run(self, run: Run) -> BuildResult:
        return await self._work(run)

    async def pause(self, run: Run) -> None:
        self.paused.append(run.job.id)

    async def cancel(self, run: Run) -> None:
        self.cancelled.append(run.job.id)
        raise ZeroDivisionError("the server does not answer")


class SlowToCancel(FakeRunner):
    """A runner whose server never answers a cancellation."""

    async def cancel(self, run: Run) -> None:
        self.cancelled.append(run.job.id)
        await asyncio.Future[None]()


async def test_a_defect_in_a_job_is_reported_by_reference_only(app: App) -> None:
    async def broken(_run: Run) -> BuildResult:
        raise ZeroDivisionError("secret detail")

    job_id = await order(app)
    assert await Worker(app.db, {"build": FakeRunner(broken)}, app.timing.worker).run_next()

    job = await app.jobs.get(job_id)
    assert job.state == "failed"
    assert "the log has the cause under" in str(job.error)
    assert "secret" not in str(job.error)


@pytest.mark.parametrize("killed", [False, True])
async def test_a_worker_that_ends_leaves_its_job_to_the_next(app: App, *, killed: bool) -> None:
    """At once after a shutdown; after a kill, once its heartbeat is stale."""
    began = asyncio.Event()

    async def endless(_run: Run) -> BuildResult:
        began.set()
        return await asyncio.Future[BuildResult]()

    async def quick(_run: Run) -> BuildResult:
        return BuildResult(dataset=1)

    job_id = await order(app)
    first = asyncio.create_task(
        Worker(app.db, {"build": FakeRunner(endless)}, app.timing.worker).run_forever()
    )
    await began.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await app.jobs.get(job_id)).state == "running"

    second = Worker(app.db, {"build": FakeRunner(quick)}, app.timing.worker)
    if killed:
        async with app.db.write() as tx:
            await jobs.change(tx, job_id, owner="killed")
        assert not await second.run_next()  # it may still be alive
        async with app.db.write() as tx:
            await jobs.change(tx, job_id, heartbeat=time.time() - app.timing.worker.stale_after - 1)
    assert await second.run_next()
    assert (await app.jobs.get(job_id)).state == "succeeded"


async def test_a_worker_ends_although_the_database_is_held(settings: Settings) -> None:
    began = asyncio.Event()

    async def endless(_run: Run) -> BuildResult:
        began.set()
        return await asyncio.Future[BuildResult]()

    async with open_app(settings, TIMING) as app:
        await order(app)
        worker = Worker(app.db, {"build": FakeRunner(endless)}, app.timing.worker)
        working = asyncio.create_task(worker.run_forever())
        await began.wait()
        async with held(app.settings):
            working.cancel()
            await asyncio.wait({working}, timeout=5)
        assert working.done()


async def test_a_worker_that_lost_its_job_stops_working_on_it(app: App) -> None:
    stopped = asyncio.Event()

    async def endless(_run: Run) -> BuildResult:
        try:
            return await asyncio.Future[BuildResult]()
        finally:
            stopped.set()

    job_id = await order(app)
    work = asyncio.create_task(Worker(app.db, {"build": FakeRunner(endless)}, app.timing.worker).run_next())
    await eventually(partial(is_claimed, app, job_id), what="the worker claims the job")
    async with app.db.write() as tx:
        await jobs.change(tx, job_id, owner="another")

    await asyncio.wait_for(work, 5)
    assert stopped.is_set()
    assert (await app.jobs.get(job_id)).state == "running"


async def test_a_worker_that_slept_through_its_lease_writes_nothing(app: App) -> None:
    """Another worker has the job by the time its work ends."""

    async def taken_over(run: Run) -> BuildResult:
        async with app.db.write() as tx:
            await jobs.change(tx, run.job.id, owner="another")
        return BuildResult(dataset=99)

    job_id = await order(app)
    assert await Worker(app.db, {"build": FakeRunner(taken_over)}, app.timing.worker).run_next()

    job = await app.jobs.get(job_id)
    assert (job.state, job.owner, job.result) == ("running", "another", None)


async def test_the_workers_process_is_started_again_when_killed_and_ends_with_us(
    app: App, script: Script
) -> None:
    """The real process runs a job that is submitted here, also after a kill."""
    async with run_worker(app.settings):
        pids = _workers()
        assert len(pids) == 1
        os.kill(pids[0], signal.SIGKILL)
        await eventually(lambda: set(_workers()) - set(pids), what="another worker is started")
        again = set(_workers()) - set(pids)
        job, _ = await app.builds.submit(build_spec(app))
        await eventually(partial(has_ended, app, job.id), what="the job ends", timeout=120)
    assert (await app.jobs.get(job.id)).state == "succeeded"
    assert len(script.asked) == 16
    assert not set(_workers()) & again


def _workers() -> list[int]:
    """Return the ids of this process's children that are workers."""
    alive = (each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE)
    return [child.pid for child in alive if "worker" in child.cmdline()]


async def test_a_cancel_reaches_the_runner_and_the_job_ends_even_if_that_fails(app: App) -> None:

    async def endless(_run: Run) -> BuildResult:
        return await asyncio.Future[BuildResult]()

    runner = FakeRunner(endless)
    job_id = await order(app)
    worker = Worker(app.db, {"build": runner}, app.timing.worker)
    work = asyncio.create_task(worker.run_next())
    await eventually(partial(is_claimed, app, job_id), what="the worker claims the job")

    assert (await app.jobs.cancel(job_id)).state == "cancelling"
    await asyncio.wait_for(work, 5)
    with pytest.raises(Busy, match="just being cancelled"):
        await order(app)
    assert await worker.run_next()

    assert (await app.jobs.get(job_id)).state == "cancelled"
    assert runner.cancelled == [job_id]
    await order(app)


async def test_a_cancellation_that_another_worker_took_over_does_not_end_the_worker(app: App) -> None:
    async def quick(_run: Run) -> BuildResult:
        return BuildResult(dataset=1)

    runner = SlowToCancel(quick)
    lost = await order(app)
    async with app.db.write() as tx:
        await jobs.change(tx, lost, state="cancelling")
    working = asyncio.create_task(Worker(app.db, {"build": runner}, app.timing.worker).run_forever())
    await eventually(lambda: runner.cancelled == [lost], what="the worker cancels the job")
    async with app.db.write() as tx:
        await jobs.change(tx, lost, owner="another", state="cancelled")

    following = await order(app)
    await eventually(partial(has_ended, app, following), what="the worker runs the next job")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert (await app.jobs.get(following)).state == "succeeded"


async def test_a_pause_whose_worker_died_reaches_the_runner_through_the_next_worker(app: App) -> None:
    async def endless(_run: Run) -> BuildResult:
        return await asyncio.Future[BuildResult]()

    runner = FakeRunner(endless)
    job_id = await order(app)
    async with app.db.write() as tx:
        await jobs.change(
            tx,
            job_id,
            state="paused",
            owner="gone",
            heartbeat=time.time() - app.timing.worker.stale_after - 1,
        )

    worker = Worker(app.db, {"build": runner}, app.timing.worker)
    assert await worker.run_next()
    assert not await worker.run_next()

    job = await app.jobs.get(job_id)
    assert (job.state, job.owner) == ("paused", None)
    assert runner.paused == [job_id]
