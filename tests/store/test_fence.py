"""The fence around a job: a worker that lost it writes nothing, and nobody takes it during a write."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text

from bot.app import App
from bot.errors import DatabaseBusy
from bot.store import examples, job_claims, jobs
from bot.store.database import Database, Transaction, open_database
from bot.store.examples import Speed
from bot.store.fence import Claim, JobTaken, fenced
from bot.store.job_schema import BuildSpec
from bot.store.shared_writes import WriteTask
from bot.store.timing import DatabaseTiming
from tests.support.databases import ON_POSTGRES

_STALE = 15.0


@pytest.fixture
async def elsewhere(app: App) -> AsyncIterator[Database]:
    """Open the database as another host does."""
    async with open_database(app.settings.database) as opened:
        yield opened


async def claimed(app: App, owner: str) -> Claim:
    job = await app.jobs.submit(BuildSpec())
    async with app.db.write() as tx:
        assert await job_claims.claim(tx, ("build",), owner=owner, stale_after=_STALE)
    return Claim(job.id, owner)


async def take_over(db: Database) -> bool:
    """Claim a job whose worker was not silent at all. Return whether that was possible."""
    async with db.write() as tx:
        return await job_claims.claim(tx, ("build",), owner="heir", stale_after=-1.0) is not None


async def set_speed(db: Database, answers: float) -> None:
    async with db.write() as tx:
        await examples.set_speed(tx, "author", Speed(answers, None, None), at=1.0)


async def speed(db: Database) -> float | None:
    async with db.read() as tx:
        found = await examples.get_speed(tx, "author")
    return found.answers if found else None


async def test_what_a_worker_does_for_its_job_is_written_until_it_is_taken_over(
    app: App, elsewhere: Database
) -> None:
    claim = await claimed(app, "worker")
    with fenced(claim):
        await set_speed(app.db, 1.0)
        assert await take_over(elsewhere)
        with pytest.raises(JobTaken, match=f"job {claim.job_id} was taken over"):
            await set_speed(app.db, 2.0)
        with pytest.raises(JobTaken):
            await app.db.write_when_free(lambda tx: jobs.change(tx, claim.job_id, done=5))
    assert await speed(app.db) == 1.0
    assert (await app.jobs.get(claim.job_id)).done == 0
    await set_speed(app.db, 3.0)  # what is not done for the job is written
    assert await speed(app.db) == 3.0


async def test_tasks_that_a_worker_starts_for_its_job_are_fenced_too(app: App, elsewhere: Database) -> None:
    claim = await claimed(app, "worker")
    may_write = asyncio.Event()

    async def write() -> None:
        await may_write.wait()
        await set_speed(app.db, 2.0)

    with fenced(claim):
        task = asyncio.create_task(write())
    assert await take_over(elsewhere)
    may_write.set()
    with pytest.raises(JobTaken):
        await task
    assert await speed(app.db) is None


async def test_of_writes_that_share_a_transaction_those_for_a_lost_job_fail(
    app: App, elsewhere: Database
) -> None:
    claim = await claimed(app, "worker")
    assert await take_over(elsewhere)
    written: list[str] = []

    async def note(_: Transaction, items: Sequence[str]) -> list[None]:
        written.extend(items)
        return [None] * len(items)

    with fenced(claim):
        lost = asyncio.create_task(app.db.write_together(WriteTask(note, "lost")))
    others = [asyncio.create_task(app.db.write_together(WriteTask(note, name))) for name in ("one", "two")]
    with pytest.raises(JobTaken):
        await lost
    await asyncio.gather(*others)
    assert sorted(written) == ["one", "two"]


class SlowWrite:
    """A worker's transaction for its job that lasts until the test lets it end."""

    def __init__(self, db: Database, claim: Claim) -> None:
        self._db = db
        self._claim = claim
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def run(self) -> None:
        with fenced(self._claim):
            async with self._db.write() as tx:
                await examples.set_speed(tx, "author", Speed(1.0, None, None), at=1.0)
                self.begun.set()
                await self.may_end.wait()
                await tx.execute(text("SELECT 1"))


async def test_nobody_takes_a_job_over_in_the_middle_of_its_workers_write(app: App) -> None:
    claim = await claimed(app, "worker")
    write = SlowWrite(app.db, claim)
    writing = asyncio.create_task(write.run())
    await write.begun.wait()
    async with open_database(app.settings.database, DatabaseTiming(busy_timeout=0.2)) as elsewhere:
        with pytest.raises(DatabaseBusy):
            await take_over(elsewhere)
        write.may_end.set()
        await writing
        assert await speed(app.db) == 1.0
        assert await take_over(elsewhere)


@pytest.mark.skipif(not ON_POSTGRES, reason="in SQLite only an end of the process frees its lock")
async def test_a_worker_that_stands_still_in_a_write_loses_its_job_all_the_same(
    app: App, elsewhere: Database
) -> None:
    """The server ends its transaction, also where the host is gone without a word."""
    claim = await claimed(app, "worker")
    write = SlowWrite(app.db, claim)
    writing = asyncio.create_task(write.run())
    await write.begun.wait()
    assert await take_over(elsewhere)  # it waits for its turn
    write.may_end.set()
    with pytest.raises(DatabaseBusy):
        await writing
    assert await speed(app.db) is None
    with fenced(claim), pytest.raises(JobTaken):
        await set_speed(app.db, 2.0)
