"""What is seen while a description is written, and its buttons: the real bot in a simulated Discord."""

import time
from contextlib import AsyncExitStack

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.i18n.message import ENGLISH
from bot.llm.stream import Stream
from bot.rating.votes import VoteCounts
from bot.store import descriptions
from bot.store.descriptions import Description
from cogs.hero.embeds import hero_buttons
from tests.cogs.hero.test_cog import tune
from tests.conftest import Stage
from tests.support.scripted_server import Script
from tests.support.streaming import SENTENCE, TYPED, embed_text, finished, half_written, labels, until

pytestmark = pytest.mark.usefixtures("unsettled_streams")


@pytest.fixture(autouse=True)
async def _tuned(app: App) -> None:
    """A tuned model answers with all of its text; the base would only fill in a sentence."""
    await tune(app)


async def kept(app: App, message: discord.Message) -> Description | None:
    async with app.db.read() as tx:
        return await descriptions.of_message(tx, message.id)


async def test_the_text_is_seen_while_it_is_written_and_stop_keeps_its_sentences(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)

    assert message.embeds[0].title == "40-year-old woman, healing"
    assert labels(message) == ["Stop"]
    await until(stage, lambda each: embed_text(each) == f"{SENTENCE * 2}Ada mends clocks ...")
    assert await kept(app, message) is None

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished)
    assert embed_text(message) == (SENTENCE * 2).strip()
    assert "stopped" in (message.embeds[0].footer.text or "")
    description = await kept(app, message)
    assert description is not None
    assert description.finish_reason == "stopped"
    assert description.channel_id == stage.channel.id


async def test_only_the_asker_and_moderators_may_stop(stage: Stage, script: Script) -> None:
    message = await half_written(stage, script, words=13)

    refused = await stage.ben.click(message, label="Stop")
    assert refused.followups[0].ephemeral
    assert "moderator" in refused.followups[0].content
    assert labels(await until(stage, lambda _: True)) == ["Stop"]

    await stage.olga.click(message, label="Stop")
    await until(stage, finished)


async def test_who_waits_in_line_sees_the_place_and_may_leave(stage: Stage, app: App) -> None:
    line = app.describer._line
    async with AsyncExitStack() as others:
        while line._free:
            await others.enter_async_context(line.slot(Stream()))
        await stage.ben.slash(stage.channel, "hero", hero=TYPED)
        first = await until(stage, lambda message: message.content == "The model is busy: you are next.")
        await stage.olga.slash(stage.channel, "hero", hero=TYPED)
        second = await until(
            stage, lambda message: message.content == "The model is busy: you are 2nd in line."
        )

        await stage.olga.click(second, label="Stop")
        left = await until(stage, lambda message: "Stopped" in message.content)
        assert (left.content, labels(left)) == ("Stopped before the first sentence was written.", [])
        stage.refusal()

    assert (await until(stage, finished, first.id)).content == ""


async def test_a_restart_leaves_the_partial_text_and_a_button_that_goes(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)
    await stage.env.restart_bot(HeroBot(app))

    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: labels(each) == [])
    assert embed_text(message).startswith(SENTENCE)
    assert await kept(app, message) is None


async def test_a_stop_that_comes_after_the_end_leaves_the_buttons_that_stand_by_then(stage: Stage) -> None:
    channel = stage.env.bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("a description", view=hero_buttons("stop", subject=time.time_ns(), t=ENGLISH))

    await stage.ana.click(stage.channel.history()[-1], label="Stop")

    assert labels(stage.channel.history()[-1]) == ["Stop"]


async def test_a_stream_that_breaks_for_good_gives_way_to_a_sentence_with_a_reference(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.texts = [SENTENCE * 20]
    script.stream.error_after = 13
    script.stream.word_delay = 0.01
    asked = len(script.asked)

    def refuse_what_comes_next(when: str, _request: object) -> None:
        if when == "before" and len(script.asked) > asked:
            script.failures = [402]

    script.on_request = refuse_what_comes_next
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)

    message = await until(stage, lambda message: "no credit left" in message.content)
    reference = message.content.split("`")[1]
    assert f"reference {reference}" in caplog.text
    assert (message.embeds, labels(message)) == ([], [])
    stage.refusal()


async def test_again_asks_anew_for_whoever_clicked(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    first = await until(stage, finished)

    await stage.ben.click(first, label="Again")

    second = await until(stage, lambda message: message.id != first.id and finished(message))
    assert second.embeds[0].title == first.embeds[0].title
    assert embed_text(second) != embed_text(first)
    both = [await kept(app, each) for each in (first, second)]
    assert len({each.requester for each in both if each}) == 2


def fifteen_minutes_later(stage: Stage) -> None:
    """Let the time be over in which Discord takes answers to what was asked so far."""
    backend = stage.env.backend
    for asked in backend.interactions.values():
        asked.expires_at = backend.now_iso()


async def test_where_discords_time_for_a_command_is_over_the_bot_edits_by_its_own_right(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)
    fifteen_minutes_later(stage)

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished, message.id)
    assert embed_text(message) == (SENTENCE * 2).strip()
    assert [str(each.emoji) for each in message.reactions] == ["👍", "👎"]
    assert await kept(app, message)


async def test_where_nothing_was_shown_in_that_time_the_answer_is_a_message_of_its_own(
    stage: Stage, app: App
) -> None:
    line = app.describer._line
    async with AsyncExitStack() as others:
        while line._free:
            await others.enter_async_context(line.slot(Stream()))
        stage.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=404, code=10015, times=None)
        await stage.ana.slash(stage.channel, "hero", hero=TYPED)
        await until(stage, lambda message: message.content == "The model is busy: you are next.")
    assert await kept(app, await until(stage, finished))


async def test_where_the_bot_may_not_write_either_the_log_has_the_reference(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    message = await half_written(stage, script, words=13)
    fifteen_minutes_later(stage)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, times=None)

    await stage.ana.click(message, label="Stop")

    for _ in range(100):
        if "nobody could be told" in caplog.text:
            break
        await stage.env.advance_time(0.5)
    assert "Discord lets a command be answered for 15 minutes" in stage.refusal()
    reference = caplog.text.split("nobody could be told")[1].split("`")[1]
    assert f"refused, reference {reference}" in caplog.text


async def test_a_thumb_left_before_the_text_was_finished_is_a_vote(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)
    await stage.ben.react(message, "👍")
    assert (await app.votes.by_model())["ft:tiny:1"] == VoteCounts()

    await stage.ana.click(message, label="Stop")
    await until(stage, finished)
    await stage.env.settle()

    assert (await app.votes.by_model())["ft:tiny:1"] == VoteCounts(ups=1)


async def test_what_was_deleted_while_it_was_written_is_shown_no_more(
    stage: Stage, script: Script, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    tied = app.describer.shown_as

    async def deleted_before(
        description: Description, channel_id: int, message_id: int
    ) -> Description | None:
        await app.privacy.delete(stage.ana.id)
        return await tied(description, channel_id, message_id)

    monkeypatch.setattr(app.describer, "shown_as", deleted_before)
    message = await half_written(stage, script, words=13)
    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: not each.embeds)
    assert message.content == "Whoever asked for it had it deleted."
    assert (labels(message), message.reactions) == ([], [])
    assert await kept(app, message) is None
