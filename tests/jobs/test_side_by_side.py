"""Several active jobs of a kind: places, lanes, order, and many workers that claim at the same time."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bot.app import App, Timing
from bot.errors import JobActive
from bot.i18n.message import ENGLISH
from bot.jobs.queue import JobQueue, WorkerTiming
from bot.jobs.worker import Run, Worker
from bot.presentation.jobs import progress_text
from bot.store import clock, job_claims, jobs
from bot.store.database import Database, open_database
from bot.store.job_schema import BuildResult, BuildSpec, FinetuneSpec, JobSpec
from tests.support.eventually import eventually

_TIMING = WorkerTiming(heartbeat=0.5, poll=0.01)
_WORKERS = 8


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=_TIMING)


@pytest.fixture
def queue(app: App) -> JobQueue:
    """Return a queue in which two jobs of a kind may be active."""
    return JobQueue(app.db, _TIMING, at_once=2)


def build_by(model: str, *, ranked: bool = False) -> BuildSpec:
    return BuildSpec(model=model, ranked=ranked)


class Recorder:
    """A runner whose jobs end when the test says so. It records what began, and what ran at the same time."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.running: dict[int, Run] = {}
        self.together: dict[str, int] = defaultdict(int)  # the most that ran at the same time, by lane
        self.may_end = asyncio.Event()

    async def run(self, run: Run) -> BuildResult:
        self.begun.append(run.job.id)
        self.running[run.job.id] = run
        lanes = Counter(lane for each in self.running.values() for lane in each.job.spec.lanes)
        for lane, number in lanes.items():
            self.together[lane] = max(number, self.together[lane])
        try:
            await self.may_end.wait()
        finally:
            del self.running[run.job.id]
        return BuildResult(dataset=run.job.id)

    async def pause(self, run: Run) -> None:
        """Do nothing: no server works for it."""

    async def cancel(self, run: Run) -> None:
        """Do nothing: no server works for it."""


@pytest.fixture
async def many(app: App) -> AsyncIterator[list[Database]]:
    """Open the database eight times, as eight hosts do."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_database(app.settings.database)) for _ in range(_WORKERS)]


async def run_all(many: list[Database], recorder: Recorder) -> None:
    """Let a worker on each database run until all builds have ended."""
    workers = [Worker(db, {"build": recorder}, _TIMING) for db in many]
    working = [asyncio.create_task(worker.run_forever(("build",))) for worker in workers]

    async def none_left() -> bool:
        async with many[0].read() as tx:
            return not await jobs.list_active(tx, "build")

    await eventually(none_left, what="all builds end", timeout=240, interval=0.5)
    for each in working:
        each.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def test_eight_workers_run_fifty_jobs_once_each(app: App, many: list[Database]) -> None:
    queue = JobQueue(app.db, _TIMING, at_once=50)
    ordered = [(await queue.submit(build_by(f"author-{number}"))).id for number in range(50)]
    recorder = Recorder()
    recorder.may_end.set()
    await run_all(many, recorder)
    assert sorted(recorder.begun) == ordered
    found = [await queue.get(number) for number in ordered]
    assert {job.state for job in found} == {"succeeded"}
    assert [job.result_as(BuildResult).dataset for job in found] == ordered


async def test_eight_workers_keep_to_one_build_a_model(app: App, many: list[Database]) -> None:
    queue = JobQueue(app.db, _TIMING, at_once=30)
    for number in range(30):
        await queue.submit(build_by(f"author-{number % 3}"))
    recorder = Recorder()
    recorder.may_end.set()
    await run_all(many, recorder)
    assert Counter(recorder.begun).most_common(1)[0][1] == 1
    assert set(recorder.together.values()) == {1}
    by_lane = [[number for number in recorder.begun if number % 3 == rest] for rest in range(3)]
    assert by_lane == [sorted(lane) for lane in by_lane]  # the oldest first


async def test_places_are_taken_by_all_who_order_at_the_same_time(app: App, many: list[Database]) -> None:
    queues = [JobQueue(db, _TIMING, at_once=3) for db in many]
    plans = [await queue.plan(build_by(f"author-{number}")) for number, queue in enumerate(queues)]
    confirmations = (queue.confirm(plan.id) for queue, plan in zip(queues, plans, strict=True))
    outcomes = await asyncio.gather(*confirmations, return_exceptions=True)
    assert sum(isinstance(each, JobActive) for each in outcomes) == _WORKERS - 3
    async with app.db.read() as tx:
        assert len(await jobs.list_active(tx, "build")) == 3


async def test_one_job_of_a_kind_is_active_unless_the_settings_say_more(app: App) -> None:
    first = await app.jobs.submit(build_by("one"))
    with pytest.raises(JobActive, match=rf"A dataset build is running already, job {first.id}\."):
        await app.jobs.submit(build_by("another"))
    await app.jobs.submit(FinetuneSpec())


async def test_as_many_are_active_as_the_settings_say(queue: JobQueue) -> None:
    first, second = [await queue.submit(build_by(model)) for model in ("one", "another")]
    plan_refused = f"are active as may be at once: {first.id}, {second.id}"
    with pytest.raises(JobActive, match=plan_refused):
        await queue.plan(build_by("third"))
    await queue.cancel(first.id)
    await queue.submit(build_by("third"))


async def test_builds_of_different_models_run_side_by_side_and_stop_each_by_itself(
    app: App, queue: JobQueue
) -> None:
    first, second = [await queue.submit(build_by(model)) for model in ("one", "another")]
    recorder = Recorder()
    working = asyncio.create_task(
        Worker(app.db, {"build": recorder}, _TIMING, at_once=2).run_forever(("build",))
    )
    await eventually(lambda: len(recorder.running) == 2, what="both run")
    assert recorder.begun == [first.id, second.id]

    await queue.pause(first.id)
    await eventually(lambda: list(recorder.running) == [second.id], what="one stops")
    await queue.cancel(second.id)
    await eventually(lambda: not recorder.running, what="the other one stops")
    await queue.resume(first.id)
    recorder.may_end.set()

    async def ended() -> bool:
        return all([(await queue.get(each.id)).ended for each in (first, second)])

    await eventually(ended, what="both end")
    assert [(await queue.get(each.id)).state for each in (first, second)] == ["succeeded", "cancelled"]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@pytest.mark.parametrize(
    ("one", "other", "waits"),
    [
        (build_by("one"), build_by("one"), True),
        (build_by("one"), build_by("another"), False),
        (build_by("one", ranked=True), build_by("another", ranked=True), True),
        (BuildSpec(source="shipped"), BuildSpec(source="shipped"), True),
        (FinetuneSpec(base="one", server="openai"), FinetuneSpec(base="another", server="openai"), True),
        (FinetuneSpec(base="one", server="openai"), FinetuneSpec(base="one", server="engine"), False),
    ],
)
async def test_what_uses_the_same_model_or_server_waits(
    app: App, *, one: JobSpec, other: JobSpec, waits: bool
) -> None:
    def queue_of(spec: JobSpec) -> JobQueue:
        return JobQueue(app.db, _TIMING, at_once=2, server=spec.server)

    first, second = [await queue_of(spec).submit(spec) for spec in (one, other)]
    taken = await claim(app, first)
    assert taken == first.id
    assert await claim(app, second) == (None if waits else second.id)
    job = await app.jobs.get(second.id)
    assert job.behind == (first.id if waits else None)
    assert (f"Waiting for the end of job {first.id}" in progress_text(ENGLISH, job)) == waits
    if waits:
        async with app.db.write() as tx:
            await job_claims.end(tx, first.id, worker="worker", state="succeeded")
        assert await claim(app, second) == second.id


async def claim(app: App, job: jobs.Job, server: str = "") -> int | None:
    async with app.db.write() as tx:
        taken = await job_claims.claim(tx, (job.kind,), owner="worker", stale_after=15, server=server)
    return taken.id if taken else None


async def test_a_paused_build_lets_the_next_of_its_model_go_first_and_then_waits(
    app: App, queue: JobQueue
) -> None:
    first, second = [await queue.submit(build_by("one")) for _ in range(2)]
    await queue.pause(first.id)
    assert (await queue.get(second.id)).behind is None
    assert await claim(app, second) == second.id
    await queue.resume(first.id)
    assert await claim(app, first) is None
    assert (await queue.get(first.id)).behind == second.id


async def test_a_paused_training_that_its_server_knows_keeps_its_place(app: App, queue: JobQueue) -> None:
    """A server that cannot hold it goes on with it."""
    first, second = [await queue.submit(FinetuneSpec(base="one")) for _ in range(2)]
    async with app.db.write() as tx:
        await jobs.change(tx, first.id, remote_asked_at=clock.now(), remote_job_id="ftjob-1")
    await queue.pause(first.id)
    assert await claim(app, second) is None
    assert (await queue.get(second.id)).behind == first.id


async def test_workers_leave_jobs_for_another_server_to_those_that_use_it(app: App) -> None:
    job = await JobQueue(app.db, _TIMING, server="openai").submit(FinetuneSpec(base="one"))
    assert await claim(app, job, server="engine") is None
    assert await claim(app, job, server="openai") == job.id
    await app.jobs.cancel(job.id)
    async with app.db.write() as tx:
        await job_claims.release(tx, job.id, worker="worker")
    assert await claim(app, job, server="engine") is None  # it would ask the wrong server to stop
    assert await claim(app, job, server="openai") == job.id


async def test_a_cancelled_job_whose_server_no_worker_uses_is_ended_by_another_one(app: App) -> None:
    job = await JobQueue(app.db, _TIMING, server="openai").submit(FinetuneSpec(base="one"))
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, remote_asked_at=clock.now(), heartbeat=clock.now() - 3600)
    await app.jobs.pause(job.id)
    await app.jobs.cancel(job.id)
    assert (
        await claim(app, job, server="engine") is None
    )  # the right one may come, however long it was paused
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, heartbeat=clock.now() - 16)
    assert await claim(app, job, server="engine") == job.id  # else nobody might end it


async def test_a_job_of_an_older_version_is_taken_by_any_worker(app: App) -> None:
    async with app.db.write() as tx:
        added = await jobs.add(tx, spec=FinetuneSpec(), requester_id=None, channel_id=None)
    await app.jobs.confirm(added.id)
    assert await claim(app, added, server="openai") == added.id


async def test_a_worker_never_takes_over_what_it_runs_itself(app: App) -> None:
    """Its second task finds a job whose heartbeats the first could not write: that is another claim."""
    job = await app.jobs.submit(build_by("one"))
    recorder = Recorder()
    worker = Worker(app.db, {"build": recorder}, WorkerTiming(heartbeat=0.05, stale_after=15), at_once=2)
    first = asyncio.create_task(worker.run_next())
    await eventually(lambda: recorder.running, what="it runs")
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, heartbeat=0.0)
    recorder.may_end.set()
    second = asyncio.create_task(worker.run_next())
    await asyncio.gather(first, second)
    found = await app.jobs.get(job.id)
    assert (found.state, found.result_as(BuildResult).dataset) == ("succeeded", job.id)


async def test_a_worker_looks_for_jobs_as_often_as_one_that_runs_one_at_a_time(app: App) -> None:
    """Each look is a transaction that writes, and those take turns over all hosts."""
    recorder = Recorder()
    before = app.db.waits.write.count
    working = asyncio.create_task(
        Worker(app.db, {"build": recorder}, WorkerTiming(poll=3600), at_once=50).run_forever(("build",))
    )
    await eventually(lambda: app.db.waits.write.count > before, what="it looks")
    await asyncio.sleep(0.3)
    assert app.db.waits.write.count == before + 1
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
