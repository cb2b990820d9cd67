"""A new model's check in Discord: its progress, its end, /models check, and the button that overrules it."""

import pytest

from bot.app import App, Timing
from bot.jobs.queue import WorkerTiming
from bot.tuning.follow import TrainingTiming
from tests.conftest import Stage
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune
from tests.support.writers import of_one_taste, sound

pytestmark = pytest.mark.settings(check_heroes=10)


@pytest.fixture
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(poll=0.01, start_pauses=(0,), listed_within=0.0),
    )


async def test_the_end_of_a_training_shows_two_texts_of_a_model_that_is_held_back(
    stage: Stage, app: App, script: Script
) -> None:
    script.writers["ft:tiny:1"] = of_one_taste
    await build(app)
    planned = await stage.olga.slash(stage.channel, "finetune")
    assert planned.response
    assert (
        "Then the new model writes 10 texts, which are checked before it may go live."
        in planned.response.content
    )
    await stage.olga.click(stage.channel.history()[-1], label="Confirm")
    assert await app.worker.run_next()
    await stage.until_notified(app, 2)

    end = stage.channel.history()[-1]
    assert "⚠️ Model 1 is trained, but held back" in end.content
    assert "ft:tiny" not in end.content
    assert [field.name for card in end.embeds for field in card.fields] == [
        "not fit to learn from: too short"
    ] * 2
    assert all("everybody likes it" in (card.fields[0].value or "") for card in end.embeds)


@pytest.fixture
async def held_back(app: App, script: Script) -> None:
    """A live model, and one that its check holds back."""
    await build(app)
    await finetune(app)
    script.writers["ft:tiny:2"] = of_one_taste
    await finetune(app)


@pytest.mark.usefixtures("held_back")
async def test_promote_repeats_the_warning_and_an_operator_confirms_it(stage: Stage, app: App) -> None:
    asked = await stage.olga.slash(stage.channel, "models promote", model=2)
    assert asked.response
    for part in (
        "Model 2 was held back",
        "0% are good enough to learn from, against 100% by Model 1, and 0% are right in age, gender",
        "go live anyway",
        "Or leave it: nothing changes then.",
    ):
        assert part in asked.response.content
    assert len(asked.response.embeds) == 2
    assert [model.state for model in await app.registry.all()] == ["live", "held back"]

    question = stage.channel.history()[-1]
    refused = await stage.ana.click(question, label="Make it live anyway")
    assert refused.response
    assert "Only the operators" in refused.response.content
    await stage.olga.click(question, label="Make it live anyway")
    done = stage.channel.history()[-1]
    assert f"✅ Model 2 is live, by {stage.olga.mention}, though its check did not let it." in done.content
    assert done.components == []
    assert [model.state for model in await app.registry.all()] == ["retired", "live"]
    page = await stage.olga.slash(stage.channel, "models show", model=2)
    assert page.response
    told = "went live by hand, though its check did not let it, in the place of model 1, by <@"
    assert told in page.response.content


@pytest.mark.usefixtures("held_back")
async def test_members_see_nothing_of_a_model_that_is_held_back(stage: Stage) -> None:
    shown = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert "everybody likes it" not in str(shown.response and shown.response.embeds[0].description)
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    assert "No new model is on trial" in stage.refusal()
    about = await stage.ana.slash(stage.channel, "about")
    assert about.response
    assert "Model 2" not in str([embed.to_dict() for embed in about.response.embeds])


@pytest.mark.usefixtures("held_back")
async def test_a_check_that_is_asked_for_costs_nothing_where_all_texts_are_read(
    stage: Stage, app: App, script: Script
) -> None:
    before = len(script.asked)
    listed = await stage.olga.slash(stage.channel, "models list")
    assert listed.response
    assert "held back: its check says that it writes badly" in listed.response.content
    result = await stage.olga.slash(stage.channel, "models check", model=2)
    assert result.response
    assert "Model 2 is trained, but held back" in result.response.content
    assert len(result.response.embeds) == 2
    assert len(script.asked) == before
    assert [model.state for model in await app.registry.all()] == ["live", "held back"]


async def test_a_model_that_is_deployed_is_checked_and_goes_live(
    stage: Stage, app: App, script: Script
) -> None:
    await build(app)
    await app.registry.register(
        name="prod-1", base="tiny", dataset_id=1, job_id=1, metrics={}, served_as=None
    )
    script.writers["prod"] = sound
    result = await stage.olga.slash(stage.channel, "models deployed", model=1, name="prod")
    assert result.response
    assert "Model 1 is trained and live: it answers `/hero`" in result.response.content
    assert sum(body["model"] == "prod" for body in script.asked) == 10
