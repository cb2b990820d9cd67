"""/finetune: planned in Discord, done by worker and model server, told with a chart and three heroes."""

import pytest

from bot.app import App, Timing
from bot.jobs.queue import WorkerTiming
from bot.tuning.follow import TrainingTiming
from tests.conftest import Stage
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import ProviderQuirks
from tests.support.workflows import build, finetune

BASE = "base, given a beginning and an ending"


@pytest.fixture
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(start_pauses=(0,), listed_within=0.0),
    )


async def test_the_plan_tells_size_cost_and_time_and_starts_nothing(
    stage: Stage, app: App, script: Script
) -> None:
    script.trainings.lists = ["smollm2-135m-instruct"]
    script.trainings.shutdown_dates["smollm2-135m-instruct"] = "2031-05-06"
    await build(app)

    result = await stage.olga.slash(stage.channel, "finetune", epochs=2)

    assert result.response is not None
    assert not result.ephemeral
    text = result.response.content
    assert "**Training smollm2-135m-instruct** on dataset v1" in text
    assert "14 texts to learn from, 2 kept aside" in text
    assert "(epochs): 2, as you chose." in text
    assert "Cost: nothing" in text
    assert "Time: about " in text
    assert "down on 2031-05-06" in text
    assert "does not list" not in text
    assert not await app.worker.run_next()
    assert script.trainings.created == []


async def test_a_base_that_the_server_does_not_list_is_marked_in_the_plan(stage: Stage, app: App) -> None:
    await build(app)
    result = await stage.olga.slash(stage.channel, "finetune", **{"base-model": "nobody"})
    assert result.response is not None
    assert "does not list nobody" in result.response.content


@pytest.mark.usefixtures("running_worker")
async def test_a_first_model_goes_live_and_is_shown_beside_the_base(
    stage: Stage, app: App, script: Script
) -> None:
    await build(app)
    await stage.finetune(epochs=2)
    await stage.until_notified(app, 2)

    end = stage.channel.history()[-1]
    assert "Model 1 is trained and live" in end.content
    assert "2.500 → 1.250" in end.content
    assert [each.filename for each in end.attachments] == ["loss.png", "heroes.md"]
    assert len(end.embeds) == 3
    for card in end.embeds:
        assert [field.name for field in card.fields] == [BASE, "new and live: model 1"]
        assert all(
            "Robin" in (field.value or "") or "bring everyone" in (field.value or "") for field in card.fields
        )
    assert script.trainings.created[0]["method"] == {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 2}},
    }


@pytest.mark.usefixtures("running_worker")
async def test_a_later_model_is_a_candidate_beside_base_and_live(stage: Stage, app: App) -> None:
    await build(app)
    await stage.finetune()
    await stage.until_notified(app, 2)
    await stage.finetune()
    await stage.until_notified(app, 3)

    end = stage.channel.history()[-1]
    assert "a candidate" in end.content
    assert "/models promote model:2" in end.content
    names = [field.name for field in end.embeds[0].fields]
    assert names == [BASE, "live: model 1", "candidate: model 2"]


@pytest.mark.usefixtures("running_worker")
async def test_a_failed_training_is_told_in_the_servers_words(stage: Stage, app: App, script: Script) -> None:
    script.trainings.error = "the file has 3 lines too few"
    await build(app)

    await stage.finetune()
    await stage.until_notified(app, 2)

    assert "the file has 3 lines too few" in stage.channel.history()[-1].content
    assert await app.registry.all() == []


async def training_runs(stage: Stage, app: App, script: Script) -> None:
    """Start a training that the server does not end."""

    async def has_started() -> bool:
        return (await app.jobs.get(2)).remote_job_id is not None

    script.trainings.statuses = ["running"] * 1000
    await build(app)
    await stage.finetune()
    await eventually(has_started, what="the server has started the training")


@pytest.mark.usefixtures("running_worker")
async def test_a_training_is_held_at_the_server_while_it_is_paused(
    stage: Stage, app: App, script: Script
) -> None:
    await training_runs(stage, app, script)

    await stage.olga.click(stage.channel.history()[-1], label="Pause")
    await eventually(lambda: "ftjob-1" in script.trainings.paused, what="the server holds the training")

    async def is_shown() -> bool:
        await stage.env.advance_time(2)
        return stage.channel.history()[-1].content.endswith("\nPaused: the training stands still.")

    await eventually(is_shown, what="the message shows the held training")

    script.trainings.statuses = []
    await stage.olga.click(stage.channel.history()[-1], label="Resume")
    await stage.until_notified(app, 2)
    assert script.trainings.resumed == ["ftjob-1"]
    assert (await app.jobs.get(2)).state == "succeeded"
    assert len(script.trainings.created) == 1


@pytest.mark.usefixtures("running_worker")
async def test_a_cancelled_training_is_cancelled_at_the_server(
    stage: Stage, app: App, script: Script
) -> None:
    await training_runs(stage, app, script)

    asked = await stage.olga.click(stage.channel.history()[-1], label="Cancel")
    question = asked.followups[-1]
    assert question.ephemeral
    assert "would be lost; Pause keeps it. Cancel it for good?" in question.content
    assert (await app.jobs.get(2)).state == "running"
    await stage.olga.click(question, label="Cancel for good")
    job = await stage.until_notified(app, 2)

    assert job.state == "cancelled"
    assert script.trainings.cancelled == {"ftjob-1"}
    assert "The training was cancelled" in stage.channel.history()[-1].content


async def doubtful(stage: Stage, app: App, script: Script) -> None:
    """A training starts at a server that keeps nothing of it, and the answer gets lost."""
    script.trainings.quirks = ProviderQuirks(
        keeps_metadata=False, suffix_shown=None, shows_training_file=False
    )
    script.trainings.lost_starts = 1
    await build(app)
    await stage.finetune()
    assert await app.worker.run_next()
    await stage.env.advance_time(12)


async def test_where_nothing_tells_the_operator_is_asked_and_says_which_training_it_is(
    stage: Stage, app: App, script: Script
) -> None:
    await doubtful(stage, app, script)
    progress, asked = stage.channel.history()[-2:]
    assert stage.olga.mention in asked.content
    assert "did it start this training" in asked.content
    assert "did it start this training" in progress.content

    form = await stage.olga.click(progress, label="It was started")
    await stage.olga.submit_modal(form, {"id": "ftjob-1"})
    assert await app.worker.run_next()

    assert (await app.jobs.get(2)).state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_where_there_is_none_the_operators_word_starts_it(
    stage: Stage, app: App, script: Script
) -> None:
    await doubtful(stage, app, script)
    script.trainings.created.clear()

    await stage.olga.click(stage.channel.history()[-2], label="There is none")
    assert await app.worker.run_next()

    assert (await app.jobs.get(2)).state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_finetune_without_a_dataset_says_what_to_do(stage: Stage) -> None:
    result = await stage.olga.slash(stage.channel, "finetune")

    assert "Make one with `/build-dataset source:shipped`" in stage.ephemeral_reply(result)
    stage.refusal()


async def test_finetune_on_an_unknown_version_names_it(stage: Stage, app: App) -> None:
    await build(app)

    await stage.olga.slash(stage.channel, "finetune", dataset=7)

    assert "no dataset v7" in stage.refusal()


async def test_preference_tuning_without_pairs_says_so(stage: Stage, app: App) -> None:
    await build(app)
    await stage.olga.slash(stage.channel, "finetune", method="dpo")
    assert "There is no dataset of pairs yet" in stage.refusal()
    await stage.olga.slash(stage.channel, "finetune", method="dpo", dataset=1)
    assert "holds single texts" in stage.refusal()


async def test_a_second_fine_tuning_waits_for_the_first(stage: Stage, app: App) -> None:
    await build(app)
    await app.finetunes.submit()
    await stage.olga.slash(stage.channel, "finetune")
    assert "running already" in stage.refusal()


async def test_the_next_plan_is_timed_by_the_last_training(stage: Stage, app: App) -> None:
    await build(app)
    await finetune(app)
    result = await stage.olga.slash(stage.channel, "finetune")
    assert result.response is not None
    assert "as fast as the last one" in result.response.content
