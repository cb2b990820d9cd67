"""Duels while they are generated: the real bot in a simulated Discord."""

import discord
import pytest
from sqlalchemy import func, select

from bot.app import App
from bot.errors import TooMany
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.llm.stream import Stream
from bot.store.schema import description, duel
from cogs.hero.duel_embeds import duel_draft_content
from tests.conftest import HOME, Stage
from tests.support.duels import two_models
from tests.support.scripted_server import Script
from tests.support.streaming import SENTENCE, TYPED, all_slots, finished, half_written, labels, until

VOTES = ["A", "B", "Tie", "Report A", "Report B"]

pytestmark = pytest.mark.usefixtures("unsettled_streams")


@pytest.fixture(autouse=True)
async def _two_models(app: App) -> None:
    await two_models(app)


async def row_counts(app: App) -> tuple[int, int]:
    """Return the numbers of descriptions and duels."""
    async with app.db.read() as tx:
        numbers = [await tx.scalar(select(func.count()).select_from(each)) for each in (description, duel)]
    return numbers[0] or 0, numbers[1] or 0


def shown(message: discord.Message) -> list[str]:
    return [embed.description or "" for embed in message.embeds]


async def test_both_texts_are_streamed_and_become_a_duel(stage: Stage, script: Script, app: App) -> None:
    script.texts = [SENTENCE * 4] * 2
    script.stream.silent_after = 13
    await stage.ana.slash(stage.channel, "duel", hero=TYPED)

    partial = await until(stage, lambda message: len(message.embeds) == 2)
    assert [text[:6] for text in shown(partial)] == ["**A**\n", "**B**\n"]
    assert len(shown(partial)[0]) == len(shown(partial)[1])
    assert labels(partial) == ["Stop"]
    assert partial.embeds[1].footer.text == "A new model is on trial, so two models are writing this hero."
    assert not any(word in str(partial.embeds[0].to_dict()) for word in ("tiny", "live", "candidate"))
    assert await row_counts(app) == (0, 0)

    script.stream.resumed.set()
    finished_duel = await until(stage, lambda message: labels(message) == VOTES, partial.id)
    assert shown(finished_duel) == [f"**{letter}**\n{(SENTENCE * 4).strip()}" for letter in "AB"]
    assert await row_counts(app) == (2, 1)


@pytest.mark.settings(daily_per_user=1)
async def test_stopped_duel_is_not_stored(stage: Stage, script: Script, app: App) -> None:
    message = await half_written(stage, script, words=13, command="duel")
    refused = await stage.ben.click(message, label="Stop")
    assert "moderator" in refused.followups[0].content

    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: not each.embeds, message.id)
    assert message.content.startswith("Stopped. Two models were writing here")
    assert labels(message) == []
    assert await row_counts(app) == (0, 0)
    with pytest.raises(TooMany):  # both models have written for it
        async with app.rate_limits.acquire(stage.ana.id, HOME):
            raise AssertionError


@pytest.mark.settings(daily_per_user=1)
async def test_queue_position_is_shown_and_stop_leaves_the_queue(stage: Stage, app: App) -> None:
    async with all_slots(app):
        await stage.ana.slash(stage.channel, "duel", hero=TYPED)
        waiting = await until(
            stage, lambda message: message.content == "The model is busy: you are 2nd in line."
        )
        await stage.ana.click(waiting, label="Stop")
        stopped = await until(stage, lambda message: "Stopped" in message.content)
        assert stopped.content == "Stopped before the first sentence was written."
        stage.refusal()
    async with app.rate_limits.acquire(stage.ana.id, HOME):
        pass  # nothing was written, so nothing counts


async def test_text_is_streamed_alone_if_the_other_model_fails(stage: Stage, script: Script) -> None:
    script.unknown_models = {"ft:tiny:2"}
    message = await half_written(stage, script, words=13, command="duel")
    assert shown(message) == [f"{SENTENCE * 2}Ada mends clocks ..."]

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished, message.id)  # as a /hero that was stopped
    assert shown(message) == [(SENTENCE * 2).strip()]


def test_equal_lengths_of_both_texts_are_shown(app: App) -> None:
    quick, slow = Stream(), Stream()
    hero = Hero(40, "woman", "healing")

    def lengths() -> list[int]:
        embeds = duel_draft_content(hero, (quick, slow), app.heroes.vocabulary, ENGLISH).embeds
        return [len((embed.description or "").removesuffix(" ...")) - len("**A**\n") for embed in embeds]

    quick.set_text(SENTENCE * 9)
    assert lengths() == []
    slow.set_text(SENTENCE)
    assert lengths() == [len(SENTENCE)] * 2
    quick.end()
    slow.set_text(SENTENCE * 2)
    assert lengths() == [2 * len(SENTENCE)] * 2
    slow.end()
    assert lengths() == [9 * len(SENTENCE), 2 * len(SENTENCE)]
