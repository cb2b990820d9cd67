"""What is seen while a description is written, and its buttons: the real bot in a simulated Discord."""

import asyncio
import time

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.store import descriptions
from bot.store.descriptions import Description
from cogs.rhythm import Rhythm
from tests.cogs.test_hero import tune
from tests.conftest import Stage
from tests.scripted_server import Script

TYPED = "40 woman healing"
SENTENCE = "Ada mends clocks at night. "


@pytest.fixture(autouse=True)
async def _tuned(app: App, stage: Stage) -> None:
    """A tuned model answers with all of its text; the base would only fill in a sentence."""
    del stage  # first, so that nothing of Discord's is waited for here
    await tune(app)


async def half_written(stage: Stage, script: Script, words: int) -> discord.Message:
    """Ana's hero, of which the model has said some words and now says nothing."""
    script.texts = [SENTENCE * 20]
    script.stream.silent_after = words
    usual, stage.env.settle_timeout = stage.env.settle_timeout, 0.8
    with pytest.raises(TimeoutError):
        await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    stage.env.settle_timeout = usual
    return shown(stage)


def shown(stage: Stage) -> discord.Message:
    message = stage.channel.last_message
    assert message is not None
    return message


def labels(message: discord.Message) -> list[str | None]:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [child.label for row in rows for child in row.children if isinstance(child, discord.Button)]


async def kept(app: App, message: discord.Message) -> Description | None:
    async with app.db.read() as tx:
        return await descriptions.of_message(tx, message.id)


async def test_the_text_is_seen_while_it_is_written_and_stop_keeps_its_sentences(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)

    (embed,) = message.embeds
    assert embed.title == "40-year-old woman, healing"
    assert embed.description == f"{SENTENCE * 2}Ada mends clocks ..."
    assert labels(message) == ["Stop"]
    assert await kept(app, message) is None

    await stage.ana.click(message, label="Stop")

    message = shown(stage)
    assert message.embeds[0].description == (SENTENCE * 2).strip()
    assert "stopped" in (message.embeds[0].footer.text or "")
    assert labels(message) == ["Again", "Report"]
    description = await kept(app, message)
    assert description is not None
    assert description.finish_reason == "stopped"
    assert description.channel_id == stage.channel.id


async def test_nothing_is_kept_of_what_is_stopped_within_the_first_sentence(
    stage: Stage, script: Script, app: App
) -> None:
    script.stream.silent_after = 3
    script.texts = ["Ada mends clocks at night. " * 9]
    usual, stage.env.settle_timeout = stage.env.settle_timeout, 0.5
    with pytest.raises(TimeoutError):
        await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    stage.env.settle_timeout = usual
    cog = stage.env.bot.get_cog("HeroCog")
    ((_, stream),) = cog._writing.values()  # type: ignore[union-attr]  # its button comes with the first sentence

    stream.stop()
    await stage.env.settle()

    assert shown(stage).content == "Stopped before the first sentence was written."
    assert await kept(app, shown(stage)) is None
    stage.refusal()


async def test_only_the_asker_and_moderators_may_stop(stage: Stage, script: Script) -> None:
    message = await half_written(stage, script, words=13)

    usual, stage.env.settle_timeout = stage.env.settle_timeout, 0.5
    with pytest.raises(TimeoutError):  # the writing goes on
        await stage.ben.click(message, label="Stop")
    stage.env.settle_timeout = usual
    assert labels(shown(stage)) == ["Stop"]

    await stage.olga.click(shown(stage), label="Stop")
    assert labels(shown(stage)) == ["Again", "Report"]


async def test_who_waits_in_line_sees_the_place_and_then_the_text(
    stage: Stage, script: Script, app: App
) -> None:
    app.describer._line._free = 1
    message = await half_written(stage, script, words=13)
    script.stream.silent_after = None
    usual, stage.env.settle_timeout = stage.env.settle_timeout, 0.5
    with pytest.raises(TimeoutError):
        await stage.ben.slash(stage.channel, "hero", hero=TYPED)
    stage.env.settle_timeout = usual
    assert shown(stage).content == "The model is busy: you are next."

    await stage.ana.click(message, label="Stop")

    assert shown(stage).content == ""
    assert shown(stage).embeds[0].title == "40-year-old woman, healing"
    assert labels(shown(stage)) == ["Again", "Report"]


async def test_a_restart_leaves_the_partial_text_and_a_button_that_goes(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)
    await stage.env.restart_bot(HeroBot(app))

    await stage.ana.click(message, label="Stop")

    assert labels(shown(stage)) == []
    assert (shown(stage).embeds[0].description or "").startswith(SENTENCE)
    assert await kept(app, shown(stage)) is None


async def test_a_stream_that_breaks_for_good_gives_way_to_a_sentence_with_a_reference(
    stage: Stage, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.llm.said._LONGEST_SILENCE", 0.3)
    monkeypatch.setattr("bot.writer.PERSON", None, raising=False)
    script.texts = [SENTENCE * 20]
    script.stream.silent_after = 13
    script.failures = []

    def refuse_from_now_on(when: str, _request: object) -> None:
        if when == "before" and len(script.asked) > asked:
            script.failures = [402]

    asked = len(script.asked)
    script.on_request = refuse_from_now_on
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)

    message = shown(stage)
    assert "no credit left" in message.content
    assert "reference" in message.content
    assert (message.embeds, labels(message)) == ([], [])
    stage.refusal()


async def test_again_asks_anew_for_whoever_clicked(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    first = shown(stage)

    await stage.ben.click(first, label="Again")

    second = shown(stage)
    assert second.id != first.id
    assert second.embeds[0].title == first.embeds[0].title
    assert second.embeds[0].description != first.embeds[0].description
    descriptions_of = [await kept(app, each) for each in (first, second)]
    assert len({each.requester for each in descriptions_of if each}) == 2


async def test_again_of_a_description_that_is_gone(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    async with app.db.write() as tx:
        await tx.exec_driver_sql("DELETE FROM description")

    await stage.ben.click(shown(stage), label="Again")

    assert labels(shown(stage)) == ["Again", "Report"]


def test_edits_come_about_once_a_second_and_more_slowly_where_discord_is_slow() -> None:
    rhythm = Rhythm()
    assert rhythm.beat == 1.0
    rhythm.took(0.1)
    assert rhythm.beat == 1.0
    rhythm.took(3.0)  # a 429 waited out
    assert rhythm.beat == 3.0
    for _ in range(3):
        rhythm.took(9.0)
    assert rhythm.beat == 10.0
    for _ in range(20):
        rhythm.took(0.1)
    assert rhythm.beat == 1.0


async def test_a_beat_ends_early_with_the_text() -> None:
    done = asyncio.create_task(asyncio.sleep(0.01))
    began = time.monotonic()
    await Rhythm().rest(done)
    assert time.monotonic() - began < 0.5
