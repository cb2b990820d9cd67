"""Builds: each answer is paid for once, whatever happens."""

import asyncio
from dataclasses import replace

import pytest

from bot.app import App, open_app
from bot.dataset.build import WORKERS
from bot.errors import Unavailable, UserError
from bot.store import examples
from tests.loops import build, spec
from tests.scripted_server import Script


async def silent(_done: int, _total: int, _phase: str) -> None:
    """Progress that nobody watches."""


async def test_a_rebuild_asks_for_nothing(app: App, script: Script) -> None:
    first = await build(app)
    asked = len(script.asked)

    second = await build(app)

    assert asked == 16
    assert len(script.asked) == asked
    assert first.result is not None
    assert second.result is not None
    assert (first.result["asked"], first.result["cached"]) == (16, 0)
    assert (second.result["asked"], second.result["cached"]) == (0, 16)
    assert second.result["dataset"] == first.result["dataset"]
    assert not second.result["new"]


async def test_a_larger_build_finds_the_smaller_ones_examples(app: App, script: Script) -> None:
    await build(app, limit=16)
    await build(app, limit=30)
    assert len(script.asked) == 30


async def test_a_rejected_answer_is_asked_for_again_and_counted(app: App, script: Script) -> None:
    script.texts = [" lift the roof and"] * 2  # cut short

    job = await build(app)

    assert len(script.asked) == 18
    assert job.result is not None
    assert job.result["rejected"] == {"too short": 2}
    assert job.result["given_up"] == 0


async def test_a_hopeless_example_is_given_up_after_three_attempts(app: App, script: Script) -> None:
    script.texts = [" ask you."] * 200

    job = await build(app)

    assert len(script.asked) == 16 * 3
    assert job.state == "failed"
    assert "Only 0 usable texts" in (job.error or "")


async def test_killed_midway_the_next_process_repeats_only_what_was_in_flight(
    app: App, script: Script
) -> None:
    """The first process dies with calls in the air; the second opens the same database."""
    work = asyncio.create_task(app.builds._builder.build(spec(app, 40), silent))
    while len(script.asked) < 12:
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    async with app.db.read() as tx:
        in_flight = await examples.in_flight(tx, spec(app).model)
    before = len(script.asked)

    async with open_app(app.settings) as again:
        built = await again.builds._builder.build(spec(app, 40), silent)

    assert built.repeated == in_flight > 0
    assert built.cached == before - in_flight
    assert len(script.asked) == 40 + in_flight
    assert len(built.accepted) == 40


async def test_passing_trouble_is_waited_out(app: App, script: Script) -> None:
    script.failures = [500, 429, 503]
    job = await build(app)
    assert job.state == "succeeded"
    assert len(script.asked) == 19


async def test_a_refused_key_ends_the_build_at_once_and_keeps_the_rest(app: App, script: Script) -> None:
    script.failures = [401] * WORKERS

    with pytest.raises(Unavailable, match="OPENAI_API_KEY"):
        await app.builds._builder.build(spec(app, 40), silent)

    assert len(script.asked) <= WORKERS
    script.failures.clear()
    built = await app.builds._builder.build(spec(app, 40), silent)
    assert len(built.accepted) == 40


async def test_the_author_gets_its_opening_and_penalty_only_where_it_knows_them(
    app: App, script: Script
) -> None:
    await build(app)
    assert script.asked[0]["repeat_penalty"] == 1.1
    assert script.asked[0]["messages"][-1]["role"] == "assistant"

    large = replace(spec(app), small=False)
    await app.builds._builder.build(large, silent)
    assert "repeat_penalty" not in script.asked[-1]
    assert script.asked[-1]["messages"][-1]["role"] == "user"


@pytest.mark.parametrize(("limit", "repeats"), [(3, 1), (20, 0), (20, 1000)])
async def test_a_build_of_senseless_size_is_refused(app: App, limit: int, repeats: int) -> None:
    with pytest.raises(UserError):
        spec(app, limit, repeats)


async def test_slots_are_spread_over_the_grid_and_always_the_same(app: App) -> None:
    planner = app.builds._planner
    slots = list(planner.slots(spec(app, limit=28, repeats=3)))
    assert slots == list(planner.slots(spec(app, limit=28, repeats=3)))
    assert {slot.hero.power for slot in slots} == set(app.heroes.vocabulary.grid.powers)
    assert {slot.repeat for slot in slots} == {0}
    assert len(list(planner.slots(replace(spec(app), repeats=3, limit=None)))) == 294
