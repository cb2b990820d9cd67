"""Forecasts: what a build will take."""

import pytest

from bot.app import App, open_app
from bot.settings import Settings
from tests.support.scripted_server import RateLimit, Script
from tests.support.workflows import build, spec


async def test_on_the_engine_it_costs_nothing_and_the_time_is_learnt(app: App) -> None:
    before = await app.builds.estimator.estimate(spec(app))
    assert (before.slots, before.cached, before.missing) == (16, 0, 16)
    assert before.cost == 0
    assert before.seconds is None

    await build(app)

    after = await app.builds.estimator.estimate(spec(app, 30))
    assert (after.slots, after.cached) == (30, 16)
    assert after.prompt_tokens == 14 * 20  # as the server counted them
    assert after.seconds is not None
    assert 0 < after.seconds < 10
    assert not after.limited


async def test_prices_come_from_the_list_and_batches_are_cheaper(hosted: Settings) -> None:
    async with open_app(hosted) as app:
        await build(app)
        forecast = await app.builds.estimator.estimate(app.planner.spec(limit=98))
        batch = await app.builds.estimator.estimate(app.planner.spec(limit=98, batch=True))
        unknown = await app.builds.estimator.estimate(app.planner.spec(limit=98, model="strange"))
    assert forecast.missing == 82
    assert forecast.cost == pytest.approx((forecast.prompt_tokens + forecast.completion_tokens) / 1000)
    assert batch.cost == pytest.approx((forecast.cost or 0) / 2)
    assert (unknown.price, unknown.cost) == (None, None)


async def test_a_known_rate_limit_decides_the_time(hosted: Settings, script: Script) -> None:
    script.limit = RateLimit(5, 20)
    async with open_app(hosted) as app:
        await build(app, 40)
        forecast = await app.builds.estimator.estimate(app.planner.spec(limit=98))
    assert forecast.seconds == pytest.approx(58 / 20, rel=0.25)
    assert forecast.limited
