"""The database's clock in statements: it is no host's, and goes on within a transaction."""

import asyncio
import time

import pytest
from sqlalchemy import select

from bot.app import App
from bot.store import clock, job_claims
from bot.store.job_schema import BuildSpec


async def test_it_is_not_this_processs_clock(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() - 3600)
    async with app.db.read() as tx:
        there = (await tx.execute(select(clock.now()))).scalar_one()
    assert there == pytest.approx(here(), abs=5)


async def test_it_goes_on_within_a_transaction(app: App) -> None:
    async with app.db.read() as tx:
        first = (await tx.execute(select(clock.now()))).scalar_one()
        await asyncio.sleep(0.05)
        second = (await tx.execute(select(clock.now()))).scalar_one()
    assert 0.04 < second - first < 5


async def test_times_of_a_job_are_its(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() + 3600)
    job = await app.jobs.submit(BuildSpec())
    async with app.db.write() as tx:
        claimed = await job_claims.claim(tx, ("build",), owner="worker", stale_after=15)
    assert claimed
    assert job.created_at == pytest.approx(here(), abs=10)
    assert claimed.started_at == pytest.approx(here(), abs=10)
    assert claimed.silence == pytest.approx(0, abs=10)
    assert app.jobs.is_claimed(claimed)
    async with app.db.write() as tx:
        assert await job_claims.claim(tx, ("build",), owner="another", stale_after=15) is None
