"""Estimates: the calls, cost and time of a build."""

import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, func, literal, select

from bot.app import App, open_app
from bot.dataset.build.pace import START_SECONDS
from bot.settings import Settings
from bot.store import examples
from bot.store.schema import example
from tests.support.scripted_server import RateLimit, Script
from tests.support.workflows import build, build_spec


async def test_the_engine_costs_nothing_and_its_speed_is_learned(app: App) -> None:
    before = await app.builds.estimator.estimate(build_spec(app, 40))
    assert (before.slots, before.cached, before.missing) == (40, 0, 40)
    assert before.cost == 0
    assert before.seconds == pytest.approx(START_SECONDS + 40 / 2.5)  # the packaged weights are known
    assert not before.measured

    await build(app, 40)

    after = await app.builds.estimator.estimate(build_spec(app, 60))
    assert (after.slots, after.cached) == (60, 40)
    assert after.prompt_tokens == 20 * 20  # as counted by the server
    assert after.seconds is not None
    assert START_SECONDS < after.seconds < START_SECONDS + 10
    assert after.measured
    assert not after.limited


async def test_a_small_build_tells_nothing_about_a_large_one(app: App) -> None:
    """Its answers are those of the start, during which the model is loaded."""
    await build(app, 14)
    estimate = await app.builds.estimator.estimate(build_spec(app, 98))
    assert estimate.seconds == pytest.approx(START_SECONDS + 84 / 2.5)


async def test_answers_that_are_asked_for_again_take_time(app: App) -> None:
    await build(app, 14)
    async with app.db.write() as tx:
        await tx.execute(example.insert().from_select(*_second_answers()))
    estimate = await app.builds.estimator.estimate(build_spec(app, 98))
    assert estimate.seconds == pytest.approx(START_SECONDS + 84 * 1.5 / 2.5)


def _second_answers() -> tuple[list[str], Select[Any]]:
    """Return an insertion that gives half of the answered examples a second answer."""
    columns = [column for column in example.c if column.name not in ("id", "key", "attempt")]
    values = select(*columns, ("again " + func.substr(example.c.key, 7)).label("key"), literal(1).label("attempt"))
    names = [column.name for column in columns]
    return [*names, "key", "attempt"], values.where(example.c.id <= 7)


async def test_another_model_is_not_known_before_its_first_build(app: App) -> None:
    spec = app.planner.spec(limit=14, model="strange")
    assert (await app.builds.estimator.estimate(spec)).seconds is None


async def test_what_is_cached_takes_no_start(app: App) -> None:
    await build(app, 14)
    assert (await app.builds.estimator.estimate(build_spec(app, 14))).seconds == 0


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
