"""Fine-tuning jobs against a server of OpenAI's shape."""

import json

import pytest

from bot.app import App, Timing, open_app
from bot.errors import OverBudget, UserError
from bot.i18n.message import ENGLISH
from bot.presentation.jobs import result_text
from bot.settings import Settings
from bot.store import job_claims, jobs
from bot.store.job_schema import KINDS
from bot.tuning.follow import TrainingTiming
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import ProviderQuirks
from tests.support.workflows import build, finetune


@pytest.fixture
def timing() -> Timing:
    # with a single pause, the last try is looked after, too
    return Timing(training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)))


async def test_uploaded_splits_are_chats_and_share_no_hero(app: App, script: Script) -> None:
    await build(app, limit=30)
    await finetune(app)

    (tuning,) = script.trainings.created
    rows = {
        side: [json.loads(line) for line in script.files[tuning[name]].decode().splitlines()]
        for side, name in (("train", "training_file"), ("valid", "validation_file"))
    }
    assert (len(rows["train"]), len(rows["valid"])) == (27, 3)
    for row in rows["train"] + rows["valid"]:
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert row["messages"][0]["content"].endswith(" ->")
    heroes = {side: {row["messages"][0]["content"] for row in found} for side, found in rows.items()}
    assert heroes["train"] & heroes["valid"] == set()
    assert tuning["model"] == app.settings.base_model


async def test_a_training_whose_start_call_got_no_answer_is_found_and_not_started_twice(
    app: App, script: Script
) -> None:
    script.trainings.lost_starts = 1
    await build(app)

    job = await finetune(app)

    assert job.state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_a_training_is_found_whose_worker_died_before_it_stored_the_id(
    app: App, script: Script
) -> None:
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await jobs.change(tx, 2, state="running", owner="gone", heartbeat=0.0, remote_job_id=None)

    assert await app.worker.run_next()

    assert len(script.trainings.created) == 1
    assert (await app.jobs.get(2)).remote_job_id == "ftjob-1"


async def test_a_server_out_of_reach_is_waited_for(app: App, script: Script) -> None:
    script.faults["GET /v1/fine_tuning/jobs/ID"] = [500, 503, 401]
    await build(app)

    job = await finetune(app)

    assert job.state == "succeeded"
    assert script.faults["GET /v1/fine_tuning/jobs/ID"] == []


async def test_an_outage_is_logged_once(app: App, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    """A line with a traceback each second would fill the disk."""
    caplog.set_level("INFO")
    await build(app)
    script.faults["GET /v1/fine_tuning/jobs/ID"] = [503] * 5

    assert (await finetune(app)).state == "succeeded"

    told = [record for record in caplog.records if "The model is not answering" in record.getMessage()]
    assert len(told) == 1
    assert caplog.text.count("the model server answers again") == 1


def test_the_pauses_of_an_outage_grow_to_the_slowest_poll() -> None:
    timing = TrainingTiming(poll=1.0, slowest_poll=15.0)
    assert [timing.retry_after(failures) for failures in (1, 2, 3, 4, 5000)] == [2.0, 4.0, 8.0, 15.0, 15.0]


async def test_a_single_404_is_a_hiccup(app: App, script: Script) -> None:
    script.faults["GET /v1/fine_tuning/jobs/ID"] = [404]
    await build(app)
    assert (await finetune(app)).state == "succeeded"


async def test_a_training_that_stays_missing_is_asked_about(settings: Settings, script: Script) -> None:
    timing = Timing(training=TrainingTiming(poll=0.01, missing_limit=0.1))
    async with open_app(settings, timing) as app:
        await build(app)
        assert (await finetune(app)).state == "succeeded"
        script.faults["GET /v1/fine_tuning/jobs/ID"] = [404] * 1000
        asked = await finetune(app)
        assert asked.state == "paused"
        assert "does not know the training ftjob-2" in str(asked.question)

        script.faults.clear()
        with pytest.raises(UserError, match="ftjob-1 belongs to another job"):
            await app.jobs.answer(asked.id, "ftjob-1")
        await app.jobs.answer(asked.id, "ftjob-2")
        assert await app.worker.run_next()
        assert [model.name for model in await app.registry.all()] == ["ft:tiny:1", "ft:tiny:2"]


async def test_a_continued_job_neither_uploads_nor_starts_twice(app: App, script: Script) -> None:
    """The worker died after the server's job was created: another one continues from the row."""
    await build(app)
    await finetune(app)
    uploads = len(script.files)
    async with app.db.write() as tx:
        job = await job_claims.claim(tx, KINDS, owner="gone", stale_after=1e9)
        assert job is None
        await jobs.change(tx, 2, state="running", owner="gone", heartbeat=0.0, result=None)

    assert await app.worker.run_next()

    assert len(script.files) == uploads
    assert len(script.trainings.created) == 1
    assert [model.name for model in await app.registry.all()] == ["ft:tiny:1"]
    assert (await app.jobs.get(2)).state == "succeeded"


async def test_the_days_budget_covers_trainings(hosted: Settings, timing: Timing, script: Script) -> None:
    """16 texts cost about two dollars; a training over 10,000 tokens ten, its three heroes cents."""
    async with open_app(hosted.model_copy(update={"daily_budget": 30.0}), timing) as app:
        await build(app)
        left = await app.budget.remaining_today()
        done = await finetune(app)
        assert done.state == "succeeded"
        assert 10 < done.cost < 10.5
        assert await app.budget.remaining_today() == pytest.approx((left or 0) - done.cost)
    async with open_app(hosted.model_copy(update={"daily_budget": 5.0}), timing) as app:
        with pytest.raises(OverBudget, match=r"budget of \$5\.00 is used up"):
            await finetune(app)
    assert len(script.trainings.created) == 1


async def test_a_training_that_is_listed_late_is_not_started_twice(
    settings: Settings, script: Script
) -> None:
    """The worker ended during the start call, or the server's list lags."""
    timing = Timing(training=TrainingTiming(poll=0.05, listed_within=5.0, start_pauses=(0,)))
    script.trainings.lost_starts = 1
    script.trainings.listed_after = 1.0
    async with open_app(settings, timing) as app:
        await build(app)
        assert (await finetune(app)).state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_a_budget_used_up_meanwhile_loses_no_training(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    async with open_app(hosted, timing) as app:
        await build(app)
        await finetune(app)
        async with app.db.write() as tx:
            await jobs.change(tx, 2, state="running", owner="gone", heartbeat=0.0, remote_job_id=None)
    async with open_app(hosted.model_copy(update={"daily_budget": 0.01}), timing) as app:
        assert await app.worker.run_next()
        assert (await app.jobs.get(2)).state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_a_training_that_is_out_holds_its_part_of_the_day(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.trainings.tells_tokens = False
    async with open_app(hosted.model_copy(update={"daily_budget": 50.0}), timing) as app:
        await build(app)
        before = await app.budget.remaining_today() or 0.0
        job, forecast = await app.finetunes.submit(epochs=1)
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, remote_asked_at=1.0)
        held = (forecast.cost or 0.0) + (forecast.check.cost or 0.0)
        assert await app.budget.remaining_today() == pytest.approx(before - held)
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, remote_asked_at=None)

        assert await app.worker.run_next()  # the server tells no tokens: what was forecast is booked
        done = await app.jobs.get(job.id)
        assert (forecast.cost or 0.0) <= done.cost < (forecast.cost or 0.0) + 0.5


async def test_a_cancel_that_the_server_refuses_is_reported(app: App, script: Script) -> None:
    script.trainings.refuses_cancel = True
    await build(app)
    job, _ = await app.finetunes.submit()
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, remote_job_id="ftjob-1")
    script.trainings.created.append({"model": "tiny", "training_file": "file-1"})
    await app.jobs.cancel(job.id)
    assert await app.worker.run_next()
    ended = await app.jobs.get(job.id)
    assert ended.state == "cancelled"
    assert "could not be told to stop ftjob-1" in result_text(ENGLISH, ended)


def test_polls_become_sparse() -> None:
    timing = TrainingTiming()
    assert [timing.poll_after(seconds) for seconds in (0, 30, 300, 900, 7200)] == [
        1.0,
        1.0,
        5.0,
        15.0,
        15.0,
    ]


async def test_a_truncated_suffix_is_recognised(app: App, script: Script) -> None:
    script.trainings.quirks = ProviderQuirks(keeps_metadata=False, suffix_kept=12)
    script.trainings.lost_starts = 1
    await build(app)
    assert (await finetune(app)).state == "succeeded"
    assert len(script.trainings.created) == 1
