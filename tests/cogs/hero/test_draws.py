"""Texts that are drawn again while people wait: the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.llm.stream import Stream
from bot.store import descriptions
from cogs.hero.duel_embeds import duel_draft_content
from cogs.hero.embeds import hero_draft_content
from tests.conftest import Stage
from tests.support.scripted_server import Script, describe
from tests.support.streaming import TYPED, embed_text, finished, labels, until

GOOD = describe("40", "woman", "healing")
FIRST = GOOD.split(". ")[0] + "."
OTHER_AGE = GOOD.replace("40", "41")
HERO = Hero(40, "woman", "healing")

pytestmark = [pytest.mark.usefixtures("two_models", "unsettled_streams"), pytest.mark.settings(draws=4)]


async def test_nobody_sees_a_first_sentence_with_a_fault(stage: Stage, script: Script, app: App) -> None:
    script.texts = [OTHER_AGE, OTHER_AGE, GOOD]
    script.stream.word_delay = 0.01
    shown: list[str] = []
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)

    def noted(message: discord.Message) -> bool:
        shown.extend(embed.description or "" for embed in message.embeds)
        return finished(message)

    message = await until(stage, noted)

    assert embed_text(message) == GOOD
    assert "41" not in "".join(shown)
    async with app.db.read() as tx:
        described = await descriptions.get_by_message(tx, message.id)
    assert described is not None
    assert described.sampling["draws"] == 3
    about = await stage.ana.slash(stage.channel, "about")
    assert about.response is not None
    loop = about.response.embeds[0].fields[2].value or ""
    assert (
        "1 description written, 1 of them written a second time because the first text had a mistake" in loop
    )


async def test_one_hero_counts_once_however_often_it_is_drawn(stage: Stage, script: Script, app: App) -> None:
    script.texts = [OTHER_AGE, GOOD]
    script.stream.word_delay = 0.01
    await stage.ana.slash(stage.channel, "hero", hero=TYPED)
    await until(stage, finished)
    assert (await app.rate_limits._today()).counts[app.votes._pseudonyms.of(stage.ana.id)] == 1


async def test_both_texts_of_a_duel_are_drawn_again_at_their_end(stage: Stage, script: Script) -> None:
    script.texts = ["A text without an end", "another one", GOOD, GOOD]
    await stage.ana.slash(stage.channel, "duel", hero=TYPED)
    message = await until(stage, lambda each: "Tie" in labels(each))
    assert [embed.description for embed in message.embeds] == [f"**A**\n{GOOD}", f"**B**\n{GOOD}"]
    assert script.texts == []


@pytest.mark.parametrize("texts", [("", GOOD), (FIRST[:-1], GOOD), (GOOD, "")])
def test_what_a_message_does_not_show_is_not_seen(app: App, texts: tuple[str, str]) -> None:
    streams = Stream(), Stream()
    for stream, text in zip(streams, texts, strict=True):
        stream.set_text(text)
    assert not duel_draft_content(HERO, streams, app.heroes.vocabulary, ENGLISH).embeds
    assert [stream.seen for stream in streams] == ["", ""]


def test_a_duel_shows_no_more_of_a_text_than_of_the_shorter_one(app: App) -> None:
    streams = Stream(), Stream()
    streams[0].set_text(GOOD)
    streams[1].set_text(FIRST)
    duel_draft_content(HERO, streams, app.heroes.vocabulary, ENGLISH)
    assert [stream.seen for stream in streams] == [GOOD[: len(FIRST)], FIRST]


def test_a_hero_that_is_shown_is_seen(app: App) -> None:
    stream = Stream()
    stream.set_text(FIRST)
    hero_draft_content(HERO, stream, app.heroes.vocabulary, ENGLISH)
    assert stream.seen == FIRST
