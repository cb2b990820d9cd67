"""A duel while it is written: the real bot in a simulated Discord."""

from contextlib import AsyncExitStack

import discord
import pytest
from sqlalchemy import func, select

from bot.app import App
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.llm.stream import Stream
from bot.store.schema import description, duel
from cogs.hero.duel_embeds import duel_draft_content
from tests.conftest import Stage
from tests.support.duels import two_models
from tests.support.scripted_server import Script
from tests.support.streaming import SENTENCE, TYPED, finished, half_written, labels, until

VOTES = ["A", "B", "Tie", "Report A", "Report B"]

pytestmark = pytest.mark.usefixtures("unsettled_streams")


@pytest.fixture(autouse=True)
async def _two(app: App) -> None:
    await two_models(app)


async def rows(app: App) -> tuple[int, int]:
    """How many descriptions and duels there are."""
    async with app.db.read() as tx:
        numbers = [await tx.scalar(select(func.count()).select_from(each)) for each in (description, duel)]
    return numbers[0] or 0, numbers[1] or 0


def shown(message: discord.Message) -> list[str]:
    return [card.description or "" for card in message.embeds]


async def test_both_texts_are_seen_while_they_are_written_and_become_a_duel(
    stage: Stage, script: Script, app: App
) -> None:
    script.texts = [SENTENCE * 4] * 2
    script.stream.word_delay = 0.03
    await stage.ana.slash(stage.channel, "duel", hero=TYPED)

    growing = await until(stage, lambda message: len(message.embeds) == 2)
    assert [text[:6] for text in shown(growing)] == ["**A**\n", "**B**\n"]
    assert len(shown(growing)[0]) == len(shown(growing)[1])
    assert labels(growing) == ["Stop"]
    assert not any(word in str(growing.embeds[0].to_dict()) for word in ("tiny", "live", "candidate"))
    assert await rows(app) == (0, 0)

    whole = await until(stage, lambda message: labels(message) == VOTES, growing.id)
    assert shown(whole) == [f"**{letter}**\n{(SENTENCE * 4).strip()}" for letter in "AB"]
    assert await rows(app) == (2, 1)


async def test_stop_leaves_no_duel_and_says_so(stage: Stage, script: Script, app: App) -> None:
    message = await half_written(stage, script, words=13, command="duel")
    refused = await stage.ben.click(message, label="Stop")
    assert "moderator" in refused.followups[0].content

    await stage.ana.click(message, label="Stop")

    message = await until(stage, lambda each: not each.embeds, message.id)
    assert message.content.startswith("Stopped. Two models were writing here")
    assert labels(message) == []
    assert await rows(app) == (0, 0)
    assert list(app.rate_limits._day.had.values()) == [
        1,
        1,
    ]  # of the user and of the server: it was written for


async def test_who_waits_in_line_sees_the_place_and_may_leave(stage: Stage, app: App) -> None:
    line = app.describer._line
    async with AsyncExitStack() as others:
        while line._free:
            await others.enter_async_context(line.slot(Stream()))
        await stage.ana.slash(stage.channel, "duel", hero=TYPED)
        waiting = await until(
            stage, lambda message: message.content == "The model is busy: you are 2nd in line."
        )
        await stage.ana.click(waiting, label="Stop")
        left = await until(stage, lambda message: "Stopped" in message.content)
        assert left.content == "Stopped before the first sentence was written."
        stage.refusal()
    assert list(app.rate_limits._day.had.values()) == [0, 0]


async def test_where_one_model_has_failed_the_others_text_grows_alone(stage: Stage, script: Script) -> None:
    script.unknown_models = {"ft:tiny:2"}
    message = await half_written(stage, script, words=13, command="duel")
    assert shown(message) == [f"{SENTENCE * 2}Ada mends clocks ..."]

    await stage.ana.click(message, label="Stop")

    message = await until(stage, finished, message.id)  # as a /hero that was stopped
    assert shown(message) == [(SENTENCE * 2).strip()]


def test_of_each_text_as_much_is_seen_as_of_the_other() -> None:
    quick, slow = Stream(), Stream()
    hero = Hero(40, "woman", "healing")

    def seen() -> list[int]:
        cards = duel_draft_content(hero, (quick, slow), ENGLISH).embeds
        return [len((card.description or "").removesuffix(" ...")) - len("**A**\n") for card in cards]

    quick.append(SENTENCE * 9)
    assert seen() == []
    slow.append(SENTENCE)
    assert seen() == [len(SENTENCE)] * 2
    quick.end()
    slow.append(SENTENCE * 2)
    assert seen() == [2 * len(SENTENCE)] * 2
    slow.end()
    assert seen() == [9 * len(SENTENCE), 2 * len(SENTENCE)]
