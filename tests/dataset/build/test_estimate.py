"""Estimates: the calls, cost and time of a build."""

import time
from dataclasses import replace

import pytest

from bot.app import App, open_app
from bot.settings import Settings
from bot.store import examples
from tests.support.scripted_server import RateLimit, Script
from tests.support.workflows import build, build_spec


async def test_the_engine_costs_nothing_and_its_speed_is_learned(app: App) -> None:
    before = await app.builds.estimator.estimate(build_spec(app))
    assert (before.slots, before.cached, before.missing) == (16, 0, 16)
    assert before.cost == 0
    assert before.seconds is None

    await build(app)

    after = await app.builds.estimator.estimate(build_spec(app, 30))
    assert (after.slots, after.cached) == (30, 16)
    assert after.prompt_tokens == 14 * 20  # as counted by the server
    assert after.seconds is not None
    assert 0 < after.seconds < 10
    assert not after.limited


async def test_prices_come_from_the_price_list_and_batches_are_cheaper(hosted: Settings) -> None:
    async with open_app(hosted) as app:
        await build(app)
        direct = await app.builds.estimator.estimate(app.planner.spec(limit=98))
        batch = await app.builds.estimator.estimate(app.planner.spec(limit=98, batch=True))
        unknown = await app.builds.estimator.estimate(app.planner.spec(limit=98, model="strange"))
    assert direct.missing == 82
    assert direct.cost == pytest.approx((direct.prompt_tokens + direct.completion_tokens) / 1000)
    assert batch.cost == pytest.approx((direct.cost or 0) / 2)
    assert (unknown.price, unknown.cost) == (None, None)


async def test_a_known_rate_limit_decides_the_time(hosted: Settings, script: Script) -> None:
    script.limit = RateLimit(5, 20)
    async with open_app(hosted) as app:
        await build(app, 40)
        async with app.db.write() as tx:  # as on a fast machine: the measured speed depends on its load
            speed = await examples.get_speed(tx, "dear")
            assert speed is not None
            await examples.set_speed(tx, "dear", replace(speed, answers=100.0), at=time.time())
        estimate = await app.builds.estimator.estimate(app.planner.spec(limit=98))
    assert estimate.seconds == pytest.approx(58 / 20, rel=0.25)
    assert estimate.limited
