"""Descriptions while they are generated, and their buttons: the real bot in a simulated Discord."""

import time

import discord
import pytest
from simcord.results import to_discord_message

from bot.app import App
from bot.client import HeroBot
from bot.i18n.message import ENGLISH
from bot.rating.votes import VoteCounts
from bot.store import descriptions
from bot.store.descriptions import Description
from cogs.hero.embeds import hero_buttons
from tests.cogs.hero.test_cog import tune
from tests.conftest import Stage
from tests.support.eventually import eventually
from tests.support.log_guard import LogGuard
from tests.support.scripted_server import Script
from tests.support.streaming import (
    SENTENCE,
    TYPED,
    all_slots,
    embed_text,
    finished,
    half_written,
    labels,
    until,
)

pytestmark = pytest.mark.usefixtures("unsettled_streams")


@pytest.fixture(autouse=True)
async def _tuned(app: App) -> None:
    """Tune a model, because it writes the whole text; the base model would only complete a sentence."""
    await tune(app)


async def stored(app: App, message: discord.Message) -> Description | None:
    async with app.db.read() as tx:
        return await descriptions.get_by_message(tx, message.id)


async def test_text_is_streamed_and_stop_keeps_its_full_sentences(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)

    assert message.embeds[0].title == "40-year-old woman, healing"
    assert labels(message) == ["Stop"]
    await until(stage, lambda each: embed_text(each) == f"{SENTENCE * 2}Ada mends clocks ...")
    assert await stored(app, message) is None

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished)
    assert embed_text(message) == (SENTENCE * 2).strip()
    assert "stopped" in (message.embeds[0].footer.text or "")
    description = await stored(app, message)
    assert description is not None
    assert description.finish_reason == "stopped"
    assert description.channel_id == stage.channel.id


async def test_only_the_requester_and_moderators_may_stop(stage: Stage, script: Script) -> None:
    message = await half_written(stage, script, words=13)

    refused = await stage.ben.click(message, label="Stop")
    assert refused.followups[0].ephemeral
    assert "moderator" in refused.followups[0].content
    assert labels(await until(stage, lambda _: True)) == ["Stop"]

    await stage.olga.click(message, label="Stop")
    await until(stage, finished)


async def test_queue_position_is_shown_and_stop_leaves_the_queue(stage: Stage, app: App) -> None:
    async with all_slots(app):
        await stage.ben.slash(stage.channel, "hero", hero=TYPED)
        first = await until(stage, lambda message: message.content == "The model is busy: you are next.")
        await stage.olga.slash(stage.channel, "hero", hero=TYPED)
        second = await until(
            stage, lambda message: message.content == "The model is busy: you are 2nd in line."
        )

        await stage.olga.click(second, label="Stop")
        stopped = await until(stage, lambda message: "Stopped" in message.content)
        assert (stopped.content, labels(stopped)) == ("Stopped before the first sentence was written.", [])
        stage.refusal()

    assert (await until(stage, finished, first.id)).content == ""


async def test_stop_after_a_restart_only_removes_its_button(stage: Stage, script: Script, app: App) -> None:
    message = await half_written(stage, script, words=13)
    await stage.env.restart_bot(HeroBot(app))

    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: labels(each) == [])
    assert embed_text(message).startswith(SENTENCE)
    assert await stored(app, message) is None


async def test_stop_after_the_end_leaves_the_final_buttons(stage: Stage) -> None:
    channel = stage.env.bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("a description", view=hero_buttons("stop", subject=time.time_ns(), t=ENGLISH))

    await stage.ana.click(stage.channel.history()[-1], label="Stop")

    assert labels(stage.channel.history()[-1]) == ["Stop"]


async def test_failed_stream_is_replaced_by_an_error_with_a_reference(
    stage: Stage, script: Script, log_guard: LogGuard
) -> None:
    script.texts = [SENTENCE * 20]
    script.stream.error_after = 13
    script.stream.word_delay = 0.01
    requests = len(script.asked)

    def refuse_next_request(when: str, _request: object) -> None:
        if when == "before" and len(script.asked) > requests:
            script.failures = [402]

    script.on_request = refuse_next_request
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)

    message = await until(stage, lambda message: "no credit left" in message.content)
    reference = message.content.split("`")[1]
    assert any("refused: " in line for line in log_guard.lines_of(reference))
    assert (message.embeds, labels(message)) == ([], [])
    stage.refusal()


async def test_again_describes_the_hero_for_the_person_who_clicked(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    first = await until(stage, finished)

    await stage.ben.click(first, label="Again")

    second = await until(stage, lambda message: message.id != first.id and finished(message))
    assert second.embeds[0].title == first.embeds[0].title
    assert embed_text(second) != embed_text(first)
    both = [await stored(app, message) for message in (first, second)]
    assert len({description.requester for description in both if description}) == 2


def expire_interactions(stage: Stage) -> None:
    """End the 15 minutes in which Discord takes answers to the interactions so far."""
    backend = stage.env.backend
    for interaction in backend.interactions.values():
        interaction.expires_at = backend.now_iso()


async def test_bot_edits_as_itself_after_the_interaction_expired(
    stage: Stage, script: Script, app: App
) -> None:
    message = await half_written(stage, script, words=13)
    expire_interactions(stage)

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished, message.id)
    assert embed_text(message) == (SENTENCE * 2).strip()
    assert [str(each.emoji) for each in message.reactions] == ["👍", "👎"]
    assert await stored(app, message)


async def test_answer_is_a_new_message_if_nothing_was_shown_in_time(stage: Stage, app: App) -> None:
    async with all_slots(app):
        for method, path in (("PATCH", "/webhooks/*/messages/@original"), ("POST", "/webhooks/*")):
            stage.env.inject_error(method, path, status=404, code=10015, times=None)
        await stage.ana.slash(stage.channel, "hero", hero=TYPED)
        await until(stage, lambda message: message.content == "The model is busy: you are next.")
    assert await stored(app, await until(stage, finished))


async def test_log_has_the_reference_if_the_bot_may_not_write_either(
    stage: Stage, script: Script, log_guard: LogGuard
) -> None:
    message = await half_written(stage, script, words=13)
    expire_interactions(stage)
    for method, path in (("PATCH", "/channels/*/messages/*"), ("POST", "/channels/*/messages")):
        stage.env.inject_error(method, path, status=403, code=50001, times=None)

    await stage.ana.click(message, label="Stop")

    async def logged() -> bool:
        await stage.env.advance_time(0.5)
        return any("nobody could be told" in line for line in log_guard.lines)

    await eventually(logged, what="the error is logged")
    assert "Discord refused the answer everywhere" in stage.refusal()
    (reference,) = (line[-9:-1] for line in log_guard.lines if "nobody could be told" in line)
    assert any("refused: " in line for line in log_guard.lines_of(reference))


async def test_thumb_before_the_end_of_the_text_is_a_vote(stage: Stage, script: Script, app: App) -> None:
    message = await half_written(stage, script, words=13)
    await stage.ben.react(message, "👍")
    assert (await app.votes.by_model())["ft:tiny:1"] == VoteCounts()

    await stage.ana.click(message, label="Stop")
    await until(stage, finished)
    await stage.env.settle()

    assert (await app.votes.by_model())["ft:tiny:1"] == VoteCounts(ups=1)


async def test_description_deleted_before_its_end_is_hidden(
    stage: Stage, script: Script, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_message = app.describer.set_message

    async def delete_before(description: Description, channel_id: int, message_id: int) -> Description | None:
        await app.privacy.delete(stage.ana.id)
        return await set_message(description, channel_id, message_id)

    monkeypatch.setattr(app.describer, "set_message", delete_before)
    message = await half_written(stage, script, words=13)
    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: not each.embeds)
    assert message.content == "The person who asked for it had it deleted."
    assert (labels(message), message.reactions) == ([], [])
    assert await stored(app, message) is None


def private_messages(stage: Stage) -> list[discord.Message]:
    """Return what only one person sees in the channel."""
    messages = stage.env.backend.messages[stage.channel.id].values()
    return [to_discord_message(stage.env, message) for message in messages if message.is_ephemeral]


async def test_text_whose_message_a_moderator_deletes_goes_on_for_the_requester_alone(
    stage: Stage, script: Script, app: App
) -> None:
    script.texts = [SENTENCE * 4]
    script.stream.word_delay = 0.03
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    await stage.olga.delete(await until(stage, lambda message: bool(message.embeds)))

    async def written() -> bool:
        await stage.env.advance_time(0.5)
        shown = [labels(message) for message in private_messages(stage)]
        return len(shown) == 1 and {"Again", "Report"} <= set(shown[0])

    await eventually(written, what="the text is shown to the requester alone")
    await stage.env.settle()
    (message,) = private_messages(stage)
    assert embed_text(message) == (SENTENCE * 4).strip()
    assert await stored(app, message)


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10003), (400, 50083), (400, 160005)])
async def test_text_that_nobody_can_see_is_stopped_at_once(
    stage: Stage, script: Script, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    script.texts = [SENTENCE * 200]
    script.stream.word_delay = 0.03
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    await until(stage, lambda message: bool(message.embeds))
    for path in ("/webhooks/*", "/channels/*"):
        stage.env.inject_error("*", path, status=status, code=code, times=None)

    async def stopped() -> bool:
        await stage.env.advance_time(0.5)
        return script.stream.left == 1 and "nobody could be told" in caplog.text

    await eventually(stopped, what="the generation is stopped")
    assert "Discord refused the answer everywhere" in stage.refusal()
