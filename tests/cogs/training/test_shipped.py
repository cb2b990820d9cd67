"""/build-dataset source:shipped: a dataset from the texts that come with the bot, from plan to end."""

import re

import pytest

from bot.app import App
from bot.settings import Settings
from tests.conftest import Stage
from tests.support.first_dataset import FAULTS, SHIPPED_COUNTS, write_lines
from tests.support.scripted_server import Script

BY_MODEL, BY_HAND = SHIPPED_COUNTS["herosmith-build"], SHIPPED_COUNTS["hand-written"]


async def plan(stage: Stage, **options: str | int) -> str:
    result = await stage.olga.slash(stage.channel, "build-dataset", **options)
    assert result.response is not None
    return result.response.content


async def confirmed(stage: Stage, app: App) -> str:
    """Confirm the plan. Return what the end says."""
    await stage.olga.click(stage.channel.history()[-1], label="Confirm")
    (job,) = await app.jobs.unnotified()
    await stage.until_notified(app, job.id)
    return stage.channel.history()[-1].content


@pytest.mark.usefixtures("running_worker")
async def test_the_first_dataset_is_made_in_seconds_without_a_model(
    stage: Stage, app: App, script: Script
) -> None:
    assert await plan(stage, source="shipped") == (
        f"**A dataset of {BY_MODEL + BY_HAND} texts that come with the bot**\n"
        f"{BY_MODEL} ready-made texts by a model, {BY_HAND} texts written by hand.\n"
        "They are written already, so this costs nothing and takes some seconds. "
        "Descriptions that people liked join them."
    )

    end = await confirmed(stage, app)

    learnt = re.search(
        r"Dataset v1 is ready: (\d+) texts to learn from, (\d+) kept aside to test the model.", end
    )
    assert learnt
    assert sum(map(int, learnt.groups())) == BY_MODEL + BY_HAND
    assert f"{BY_MODEL} ready-made texts by a model, {BY_HAND} texts written by hand." in end
    assert "Nothing had to be written: these texts come with the bot." in end
    assert "All examples are in the table `out_openai_completion.csv`.\n" in end
    assert end.endswith("Next, for operators: `/finetune` trains a model on it.")
    assert [each.filename for each in stage.channel.history()[-1].attachments] == [
        "lengths.png",
        "out_openai_completion.csv",
    ]
    status = await stage.olga.slash(stage.channel, "dataset status")
    assert status.response is not None
    assert f"v1, {learnt[1]} texts to learn from, {learnt[2]} kept aside" in status.response.content
    assert f"{BY_HAND} texts written by hand." in status.response.content
    assert script.asked == []
    await stage.olga.slash(stage.channel, "dataset review")
    assert "Only examples that a model wrote here can be reviewed, and dataset v1 has none" in stage.refusal()

    await plan(stage, source="shipped")
    again = await confirmed(stage, app)
    assert f"Nothing new, so dataset v1 stays as it was: {learnt[1]} texts" in again


@pytest.mark.usefixtures("running_worker")
async def test_a_later_build_says_what_stays_and_what_is_written_anew(stage: Stage, app: App) -> None:
    await plan(stage, source="shipped")
    await confirmed(stage, app)

    planned = await plan(stage, limit=16)
    assert f"{BY_HAND} texts written by hand, which come with the bot, are included" in planned
    assert "Time: about " in planned
    end = await confirmed(stage, app)
    assert f"{BY_HAND} texts written by hand, 16 texts written here by the model." in end
    assert "Added since v1: 16 texts written here by the model." in end
    assert f"Gone: {BY_MODEL} ready-made texts by a model" in end
    assert "`/build-dataset source:shipped`" in end

    assert "written by hand" not in await plan(stage, limit=16, source="model-only")


@pytest.mark.parametrize("option", ["limit", "repeats"])
async def test_options_of_a_model_are_refused(stage: Stage, option: str) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", source="shipped", **{option: 20})
    assert f"no model writes. Leave out {option}." in stage.refusal()
    await stage.olga.slash(stage.channel, "build-dataset", source="shipped", kind="preference")
    assert "leave the other options out" in stage.refusal()


@pytest.fixture
def faulty(settings: Settings) -> str:
    """Put a first dataset with a mistake in the place of the shipped one. Return what is said of it."""
    line, said = FAULTS[7]
    write_lines(settings.first_dataset, line)
    return said


class TestMistakes:
    """A first dataset that somebody edited."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"first_dataset": settings.data_dir / "mine.jsonl"})

    async def test_a_mistake_is_told_with_its_line_and_nothing_is_planned(
        self, faulty: str, stage: Stage, app: App
    ) -> None:
        told = stage.ephemeral_reply(await stage.olga.slash(stage.channel, "build-dataset", source="shipped"))
        assert "1 line of mine.jsonl has a mistake, so nothing of it is taken." in told
        assert f"- Line 2: {faulty}" in told
        assert f"- Line 2: {faulty}" in stage.refusal()
        assert await app.jobs.recent() == []

    @pytest.mark.usefixtures("faulty")
    async def test_a_german_server_reads_it_in_german(self, stage: Stage) -> None:
        await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
        told = stage.ephemeral_reply(await stage.olga.slash(stage.channel, "build-dataset", source="shipped"))
        assert "1 Zeile von mine.jsonl hat einen Fehler" in told
        assert "- Zeile 2: Das Geschlecht 'wizard' ist nicht bekannt: Schreib in der Datei" in told
        assert "der englischen Wörter man/woman/person" in told
        stage.refusal()
