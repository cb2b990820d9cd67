"""Builds: each answer is paid for once, even after kills, cancellations and errors."""

import asyncio
import time
from itertools import islice
from pathlib import Path

import pytest

from bot.app import App, Timing, open_app
from bot.dataset.build.builder import ENGINE_WORKERS, HOSTED_WORKERS, BuildTiming
from bot.errors import Busy, OverBudget, Unavailable, UserError
from bot.heroes.hero import Hero
from bot.jobs.queue import WorkerTiming
from bot.llm.client import ClientTiming
from bot.settings import Settings
from bot.store import examples, jobs, spending
from bot.store.database import open_database
from bot.store.job_schema import BuildResult
from bot.store.jobs import Job
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.workflows import build, build_spec, run_job, write_examples


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05), build=BuildTiming(pause_check=0.2))


async def test_a_rebuild_asks_for_nothing(app: App, script: Script) -> None:
    first = await build(app)
    asked = len(script.asked)

    second = await build(app)

    assert asked == 16
    assert len(script.asked) == asked
    assert isinstance(first.result, BuildResult)
    assert isinstance(second.result, BuildResult)
    assert (first.result.asked, first.result.cached) == (16, 0)
    assert (second.result.asked, second.result.cached) == (0, 16)
    assert second.result.dataset == first.result.dataset
    assert not second.result.new


async def test_a_larger_build_reuses_the_examples_of_a_smaller_one(app: App, script: Script) -> None:
    await build(app, limit=16)
    await build(app, limit=30)
    assert len(script.asked) == 30


@pytest.mark.parametrize("small", [True, False])
def test_another_seed_asks_for_other_examples_of_the_same_heroes(app: App, small: bool) -> None:
    spec = build_spec(app, 40).model_copy(update={"small": small})
    slots = list(app.planner.slots(spec))
    seeds = [spec.model_copy(update={"seed": seed}) for seed in (0, 1, 2)]
    asked = [[app.planner.question(each, slot, 0)[0] for slot in app.planner.slots(each)] for each in seeds]
    assert [[request.hero for request in each] for each in asked] == [[slot.hero for slot in slots]] * 3
    assert len({request.key for each in asked for request in each}) == 3 * len(slots)
    assert "seed" not in asked[0][0].params  # as in builds from before there was a seed
    if small:
        plots = {app.planner.question(each, slots[0], 0)[1].ending for each in seeds}
        assert len(plots) == 3


async def test_a_rejected_answer_is_counted_and_asked_for_again(app: App, script: Script) -> None:
    script.texts = [" lift the roof and"] * 2  # cut short

    job = await build(app)

    assert len(script.asked) == 18
    assert isinstance(job.result, BuildResult)
    assert job.result.rejected == {"too short": 2}
    assert job.result.given_up == 0


async def test_a_near_duplicate_is_asked_for_again(
    hosted: Settings, heroes_toml: Path, script: Script
) -> None:
    """28 heroes, twice each; the model answers every hero's first two questions with the same text."""
    _shrink_grid(heroes_toml)
    script.same = 56
    async with open_app(hosted.model_copy(update={"heroes_file": heroes_toml})) as app:
        job = await run_job(app, app.planner.spec(repeats=2))

    assert isinstance(job.result, BuildResult)
    assert len(script.asked) == 56 + 28
    assert job.result.rejected == {"much like another": 28}
    assert job.result.dropped == {}
    assert job.result.counts["example"] == 56


async def test_a_slot_is_given_up_after_three_rejected_answers(app: App, script: Script) -> None:
    script.texts = [" ask you."] * 200

    job = await build(app)

    assert len(script.asked) == 16 * 3
    assert job.state == "failed"
    assert "Too few usable texts" in str(job.error)


async def test_after_a_kill_the_next_process_repeats_only_the_calls_in_flight(
    settings: Settings, script: Script
) -> None:
    """The first process dies with calls in flight; the second opens the same database."""
    script.delay = 0.05
    async with open_app(settings) as first:
        job, _ = await first.builds.submit(build_spec(first, 40))
        work = asyncio.create_task(first.worker.run_next())
        await eventually(lambda: len(script.asked) >= 12, what="12 calls are in flight", interval=0)
        await _kill(first, work)

    async with open_app(settings) as second:
        async with second.db.read() as tx:
            answered = len(await examples.get_answers(tx, _keys(second)))
        in_flight = len(script.asked) - answered
        await _release(second, job)
        assert await second.worker.run_next()
        done = await second.jobs.get(job.id)

    assert isinstance(done.result, BuildResult)
    assert in_flight > 0
    assert done.result.lost >= in_flight  # a call that was saved but not yet sent counts too
    assert done.result.cached == answered
    assert len(script.asked) == 40 + in_flight
    assert done.result.counts["train"] + done.result.counts["valid"] == 40


async def _kill(app: App, work: "asyncio.Task[bool]") -> None:
    """End as a killed process does: answers to calls in flight are not saved."""
    for call in list(app.client._in_flight):
        call.cancel()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def _release(app: App, job: Job) -> None:
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, owner=None)


def _keys(app: App) -> list[str]:
    spec = build_spec(app, 40)
    return [app.planner.question(spec, slot, 0)[0].key for slot in app.planner.slots(spec)]


async def test_a_worker_that_is_stopped_saves_the_answers_in_flight(app: App, script: Script) -> None:
    script.delay = 0.2
    await app.builds.submit(build_spec(app, 40))
    work = asyncio.create_task(app.worker.run_next())
    await eventually(lambda: len(script.asked) >= 5, what="five calls are in flight")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    async with app.db.write() as tx:
        assert await examples.reset_unanswered(tx, app.settings.author_model) == 0
        assert len(await examples.get_answers(tx, _keys(app))) == len(script.asked)
    assert await app.worker.run_next()  # at once, without waiting for a missing heartbeat
    assert len(script.asked) == 40


async def test_temporary_errors_are_retried_and_counted(app: App, script: Script) -> None:
    script.failures = [500, 429, 503]
    job = await build(app)
    assert job.state == "succeeded"
    assert len(script.asked) == 19
    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.calls) == (16, 19)


async def test_a_refused_key_ends_the_build_at_once(app: App, script: Script) -> None:
    script.failures = [401] * 200

    with pytest.raises(Unavailable, match="OPENAI_API_KEY"):
        await write_examples(app, build_spec(app, 40))

    assert len(script.asked) <= ENGINE_WORKERS
    script.failures.clear()
    assert (await write_examples(app, build_spec(app, 40))).given_up == 0


async def test_an_unknown_model_is_named(app: App, script: Script) -> None:
    script.unknown_models = {"nosuch"}
    job = await run_job(app, app.planner.spec(limit=16, model="nosuch"))
    assert job.state == "failed"
    assert "No server here knows the model nosuch" in str(job.error)


async def test_opening_and_repeat_penalty_are_sent_only_to_the_engine(
    settings: Settings, hosted: Settings, script: Script, penalising: Path
) -> None:
    async with open_app(settings.model_copy(update={"heroes_file": penalising})) as app:
        await build(app)
    assert script.asked[0]["repeat_penalty"] == 1.1
    assert script.asked[0]["messages"][-1]["role"] == "assistant"

    async with open_app(hosted.model_copy(update={"heroes_file": penalising})) as other:
        await build(other)
    assert "repeat_penalty" not in script.asked[-1]
    assert script.asked[-1]["messages"][-1]["role"] == "user"


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 3},
        {"limit": 20, "repeats": 0},
        {"repeats": 100_000},
        {"limit": None, "repeats": 10_000, "model": "m", "batch": True},
        {"limit": 20, "budget": 0.0},
        {"limit": 20, "budget": -1.0},
        {"limit": 20, "budget": float("nan")},
        {"limit": 20, "budget": float("inf")},
    ],
)
async def test_arguments_out_of_range_are_refused(app: App, asked: dict[str, int]) -> None:
    with pytest.raises(UserError):
        app.planner.spec(**asked)  # type: ignore[arg-type]


async def test_a_grid_of_millions_is_refused(heroes_toml: Path, settings: Settings, script: Script) -> None:
    _enlarge_grid(heroes_toml)
    async with open_app(settings.model_copy(update={"heroes_file": heroes_toml})) as app:
        with pytest.raises(UserError, match="at most 500,000 are possible"):
            app.planner.spec(repeats=1)
        assert app.planner.size(app.planner.spec(repeats=1, limit=20)) == 20
    assert script.asked == []


async def test_a_small_build_of_a_grid_of_millions_starts_soon(heroes_toml: Path, settings: Settings) -> None:
    _enlarge_grid(heroes_toml)
    async with open_app(settings.model_copy(update={"heroes_file": heroes_toml})) as app:
        small_spec = app.planner.spec(repeats=1, limit=20)
        started = time.process_time()  # CPU time, so that other processes do not count
        _, estimate = await app.builds.plan(small_spec)
        assert time.process_time() - started < 10
        assert (estimate.slots, estimate.missing) == (20, 20)
        chosen = {slot.hero for slot in app.planner.slots(small_spec)}
        assert len(chosen) == 20
        larger = app.planner.slots(app.planner.spec(repeats=1, limit=40))
        assert chosen == {slot.hero for slot in islice(larger, 20)}


def _shrink_grid(heroes: Path) -> None:
    """Reduce the grid to 28 heroes, the same in every repeat."""
    text = heroes.read_text().replace("ages = [18, 20, 30, 40, 50, 60, 90]", "ages = [20, 30]")
    start, end = text.index("other_powers = ["), text.index("repeats = 3")
    heroes.write_text((text[:start] + text[end:]).replace('other_genders = ["person"]', ""))


def _enlarge_grid(heroes: Path) -> None:
    """Enlarge the grid to more than a million heroes."""
    many = ", ".join(str(age) for age in range(18, 118))
    powers = ", ".join(f'"power {number}"' for number in range(6000))
    text = heroes.read_text().replace("ages = [18, 20, 30, 40, 50, 60, 90]", f"ages = [{many}]")
    heroes.write_text(text.replace("\npowers = [", f"\npowers = [{powers},", 1))


async def test_slots_are_spread_over_the_grid_deterministically(app: App) -> None:
    planner = app.planner
    slots = list(planner.slots(build_spec(app, limit=28, repeats=3)))
    assert slots == list(planner.slots(build_spec(app, limit=28, repeats=3)))
    assert {slot.hero.power for slot in slots} == set(app.heroes.vocabulary.grid.powers)
    assert {slot.repeat for slot in slots} == {0}
    unlimited = planner.spec(repeats=3)
    assert len(list(planner.slots(unlimited))) == planner.size(unlimited) == 294
    assert sorted(planner.slots_by_hero(unlimited), key=str) == sorted(planner.slots(unlimited), key=str)


async def test_hosted_models_are_asked_by_many_workers(hosted: Settings, script: Script) -> None:
    script.delay = 1.5
    async with open_app(hosted) as app:
        await build(app, limit=98)
    assert script.most_answering == HOSTED_WORKERS


async def test_a_budget_stops_the_build_before_it_is_exceeded(hosted: Settings, script: Script) -> None:
    async with open_app(hosted) as app:
        wanted = app.planner.spec(limit=98, budget=2.0)
        job = await run_job(app, wanted)

        assert job.state == "failed"
        assert "budget of $2.00 is used up" in str(job.error)
        assert 1 < job.cost <= 2
        asked = len(script.asked)

        more = await run_job(app, wanted.model_copy(update={"budget": 50.0}))
        assert more.state == "succeeded"
        assert len(script.asked) == 98 > asked > 5
        assert isinstance(more.result, BuildResult)
        assert more.result.cached == asked


async def test_the_cost_of_heroes_does_not_count_against_a_builds_budget(hosted: Settings) -> None:
    async with open_app(hosted) as app:
        await app.describer.describe(Hero(40, "woman", "healing"), requester=1)
        await app.builds.plan(app.planner.spec(limit=16, budget=0.05))


async def test_cancelling_while_the_rate_limit_pauses_calls_sends_no_more(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    async with open_app(hosted, timing) as app:
        job, _ = await app.builds.submit(app.planner.spec(limit=60))
        script.failures, script.retry_after = [429], "30"
        work = asyncio.create_task(app.worker.run_next())

        async def is_paused() -> bool:
            return "asks to wait" in str((await app.jobs.get(job.id)).phase)

        await eventually(is_paused, what="the job shows the server's pause")
        asked = len(script.asked)
        await app.jobs.cancel(job.id)
        await asyncio.wait_for(work, 5)
    assert len(script.asked) == asked < 5


async def test_a_text_with_invalid_characters_is_cleaned(app: App, script: Script) -> None:
    script.texts = [" lift\ud83d the \0roof"]
    assert (await build(app)).state == "succeeded"


async def test_a_budget_for_an_unknown_price_is_refused_before_the_build(hosted: Settings) -> None:
    async with open_app(hosted) as app:
        with pytest.raises(OverBudget, match="price of strange is unknown"):
            await app.builds.plan(app.planner.spec(limit=20, model="strange", budget=1.0))


async def test_moderation_rejects_flagged_texts(hosted: Settings, script: Script) -> None:
    script.flagged = {"street 3,"}
    async with open_app(hosted.model_copy(update={"moderate": True})) as app:
        job = await build(app)
    assert isinstance(job.result, BuildResult)
    assert job.result.rejected == {"flagged by moderation": 1}
    assert len(script.asked) == 17


async def test_a_plan_waits_until_it_is_confirmed(app: App, script: Script) -> None:
    job, _ = await app.builds.plan(build_spec(app))
    assert not await app.worker.run_next()
    assert script.asked == []

    await app.jobs.confirm(job.id)
    with pytest.raises(UserError, match="is queued"):
        await app.jobs.confirm(job.id)
    with pytest.raises(Busy):
        await app.builds.plan(build_spec(app))

    assert await app.worker.run_next()


async def test_a_cancelled_plan_is_never_run(app: App, script: Script) -> None:
    job, _ = await app.builds.plan(build_spec(app))
    await app.jobs.cancel(job.id)
    with pytest.raises(UserError, match="is cancelled"):
        await app.jobs.confirm(job.id)
    assert not await app.worker.run_next()
    assert script.asked == []


@pytest.mark.parametrize("order", ["pause", "cancel"])
async def test_a_stopped_build_saves_the_answers_in_flight(app: App, script: Script, order: str) -> None:
    script.delay = 0.1
    job, _ = await app.builds.submit(build_spec(app, 40))
    work = asyncio.create_task(app.worker.run_next())
    await eventually(lambda: len(script.asked) >= 10, what="ten calls are in flight")

    stopped = await (app.jobs.pause(job.id) if order == "pause" else app.jobs.cancel(job.id))
    await asyncio.wait_for(work, 5)
    assert await app.worker.run_next() is (order == "cancel")

    asked = len(script.asked)
    assert asked < 40
    assert stopped.state == {"pause": "paused", "cancel": "cancelling"}[order]
    async with app.db.read() as tx:
        assert len(await examples.get_answers(tx, _keys(app))) == asked
    if order == "cancel":
        await build(app, 40)
    else:
        with pytest.raises(Busy, match="is paused"):
            await app.builds.submit(build_spec(app))
        await app.jobs.resume(job.id)
        assert await app.worker.run_next()
        assert (await app.jobs.get(job.id)).state == "succeeded"
    assert len(script.asked) == 40


async def test_a_call_that_the_end_cuts_off_is_booked_once(hosted: Settings, script: Script) -> None:
    """The next run books what it finds under way: this call is not, any more."""
    script.may_answer.clear()
    timing = Timing(build=BuildTiming(drain=0.1), client=ClientTiming(close=0.1))
    async with open_app(hosted, timing) as app:
        wanted = build_spec(app)
        writing = asyncio.create_task(write_examples(app, wanted))
        await eventually(lambda: script.answering == 1, what="the first call is at the server")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    async with open_database(hosted.database) as db, db.write() as tx:
        (booked,) = await spending.list_days(tx, "")
        assert (booked.calls, booked.cost > 0) == (1, True)
        assert await examples.reset_unanswered(tx, wanted.model) == 0
