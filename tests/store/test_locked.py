"""A database that another program holds, or whose disk is full: reading, writing, waiting, jobs."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from bot.app import App, Timing
from bot.dataset.build.answer_watch import AnswerWatch
from bot.dataset.build.builder import ExampleRecord
from bot.errors import DatabaseBusy
from bot.llm.retry import Truncated
from bot.store import examples
from bot.store.database import Transaction
from bot.store.shared_writes import WriteTask
from tests.support.duels import run_duel, two_models
from tests.support.eventually import eventually
from tests.support.locked_database import TIMING, during_lock, held
from tests.support.scripted_server import Script
from tests.support.workflows import build_spec, write_examples


@pytest.fixture
def timing() -> Timing:
    return TIMING


async def test_a_write_says_that_the_database_is_busy(app: App) -> None:
    async with held(app.settings):
        with pytest.raises(DatabaseBusy, match="busy: another program holds it"):
            await app.db.check_writable()
        async with app.db.read() as tx:  # readers are not disturbed
            await tx.execute(text("SELECT count(*) FROM job"))
    await app.db.check_writable()


async def test_what_waits_is_written_in_order(app: App) -> None:
    order: list[int] = []

    async def note(_: Transaction, numbers: Sequence[int]) -> list[int]:
        order.extend(numbers)
        return list(numbers)

    writes = [app.db.write_together(WriteTask(note, number)) for number in range(5)]
    assert await during_lock(app.settings, *writes) == [0, 1, 2, 3, 4]
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.sqlite("it can be given a full disk")
async def test_a_full_disk_passes_too(app: App) -> None:
    async with app.db.write() as tx:
        pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
        await tx.execute(text(f"PRAGMA max_page_count={pages}"))

    attempts = 0

    async def grow(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute(text("CREATE TABLE IF NOT EXISTS grown (content TEXT)"))
        await tx.execute(text("INSERT INTO grown VALUES (:content)"), {"content": "x" * 100_000})

    with pytest.raises(DatabaseBusy, match="cannot be used right now"):
        async with app.db.write() as tx:
            await grow(tx)
    waiting = asyncio.create_task(app.db.write_when_free(grow))
    await eventually(lambda: attempts >= 4, what="it is tried again")
    assert not waiting.done()
    async with app.db.write() as tx:  # others get their turn between the attempts
        await tx.execute(text("PRAGMA max_page_count=1000000"))
    await waiting


async def test_a_mistake_in_a_query_is_not_taken_for_a_lock(app: App) -> None:
    with pytest.raises(Exception, match=r"no such table|does not exist") as caught:
        await app.db.write_when_free(lambda tx: tx.execute(text("SELECT * FROM nowhere")))
    assert not isinstance(caught.value, DatabaseBusy)


async def test_closing_waits_for_no_lock(app: App) -> None:
    async def nothing(_: Transaction, items: Sequence[int]) -> list[int]:
        return list(items)

    async with held(app.settings) as database:
        together = asyncio.create_task(app.db.write_together(WriteTask(nothing, 1)))
        alone = asyncio.create_task(app.db.write_when_free(lambda tx: nothing(tx, [1])))
        await database.until_tried()
        await asyncio.wait_for(app.db.settle(), 30)  # it would wait for five minutes
        results = await asyncio.gather(together, alone, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseBusy, DatabaseBusy]


async def test_answers_that_were_paid_for_are_kept(app: App, script: Script) -> None:
    """Another program takes the database in mid-build: nothing is asked twice."""
    script.may_answer.clear()
    spec = build_spec(app, limit=16)
    building = asyncio.create_task(write_examples(app, spec))
    await eventually(lambda: script.asked, what="the build has begun")
    async with held(app.settings) as database:
        script.may_answer.set()
        await database.until_tried()
        assert not building.done()

    counts = await asyncio.wait_for(building, 120)
    assert counts.done == counts.asked == len(script.asked) == 16


async def test_a_call_that_failed_is_no_longer_under_way(app: App) -> None:
    """The next run of the build would book it once more."""
    spec = build_spec(app, limit=16)
    request, _ = app.planner.question(spec, next(app.planner.slots(spec)), 0)
    watch = AnswerWatch(100, missing=lambda: 1, cost=lambda _prompts, _completions: None)
    record = ExampleRecord(app.db, request, watch)
    await record.sent()
    await during_lock(app.settings, record.failed(Truncated("it broke off")))
    async with app.db.write() as tx:
        assert await examples.reset_unanswered(tx, spec.model) == 0


async def test_a_job_goes_on_when_the_database_is_free(app: App, script: Script) -> None:
    job, _ = await app.builds.submit(build_spec(app, limit=16))
    worker = asyncio.create_task(app.worker.run_forever())
    async with held(app.settings) as database:
        await database.until_tried()
        assert not worker.done()

    async def ended() -> bool:
        return (await app.jobs.get(job.id)).ended

    await eventually(ended, what="the build has ended", timeout=60)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert (await app.jobs.get(job.id)).state == "succeeded"
    assert len(script.asked) == 16


async def test_a_vote_in_a_duel(app: App) -> None:
    await two_models(app)
    pairing = await run_duel(app)

    (result,) = await during_lock(app.settings, app.duels.vote(pairing.id, 7, "a"))

    assert (result.choice, result.not_counted, result.repeated) == ("a", None, False)
