"""Fine-tuning jobs against a server of OpenAI's shape."""

import json

import pytest

from bot.app import App, open_app
from bot.errors import OverBudget
from bot.settings import Settings
from bot.store import jobs
from tests.loops import build, finetune
from tests.scripted_server import Script


async def test_the_server_gets_chat_files_whose_sides_share_no_hero(app: App, script: Script) -> None:
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


async def test_a_training_whose_start_got_no_answer_is_found_and_not_started_twice(
    app: App, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tuning.finetune._START_PAUSES", (0,))  # the last try, too, is looked after
    script.trainings.lost_starts = 1
    await build(app)

    job = await finetune(app)

    assert job.state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_a_worker_that_died_before_it_wrote_the_id_down_leaves_its_training_to_be_found(
    app: App, script: Script
) -> None:
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await jobs.change(tx, 2, state="running", owner="gone", heartbeat=0.0, remote_job_id=None)

    assert await app.worker.run_next()

    assert len(script.trainings.created) == 1
    assert (await app.board.get(2)).remote_job_id == "ftjob-1"


async def test_a_server_out_of_reach_is_waited_for(
    app: App, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tuning.finetune._POLL", 0.01)
    script.faults["GET /v1/fine_tuning/jobs/ID"] = [500, 503, 401]
    await build(app)

    job = await finetune(app)

    assert job.state == "succeeded"
    assert script.faults["GET /v1/fine_tuning/jobs/ID"] == []


async def test_a_training_that_the_server_forgot_ends_the_job_in_words(app: App, script: Script) -> None:
    script.faults["GET /v1/fine_tuning/jobs/ID"] = [404]
    await build(app)

    job = await finetune(app)

    assert job.state == "failed"
    assert "no such training any more" in (job.error or "")


async def test_a_job_taken_up_again_neither_uploads_nor_starts_twice(app: App, script: Script) -> None:
    """The worker died after the server's job was created: another one goes on from the row."""
    await build(app)
    await finetune(app)
    uploads = len(script.files)
    async with app.db.write() as tx:
        job = await jobs.claim(tx, owner="gone", at=0, stale_before=0)
        assert job is None
        await jobs.change(tx, 2, state="running", owner="gone", heartbeat=0.0, result=None)

    assert await app.worker.run_next()

    assert len(script.files) == uploads
    assert len(script.trainings.created) == 1
    assert [model.name for model in await app.registry.every()] == ["ft:tiny:1"]
    assert (await app.board.get(2)).state == "succeeded"


async def test_the_days_budget_covers_trainings(hosted: Settings, script: Script) -> None:
    """16 texts take about two dollars; a training over 10,000 tokens ten, its three heroes cents."""
    async with open_app(hosted.model_copy(update={"daily_budget": 30.0})) as app:
        await build(app)
        left = await app.budget.left_today()
        done = await finetune(app)
        assert done.state == "succeeded"
        assert 10 < done.cost < 10.5
        assert await app.budget.left_today() == pytest.approx((left or 0) - done.cost)
    async with open_app(hosted.model_copy(update={"daily_budget": 5.0})) as app:
        with pytest.raises(OverBudget, match=r"budget of \$5\.00 is used up"):
            await finetune(app)
    assert len(script.trainings.created) == 1
