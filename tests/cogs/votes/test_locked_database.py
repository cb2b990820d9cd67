"""Another program holds the database while people vote and ask: no vote is lost, and the bot says so."""

import discord
import pytest

from bot.app import App, Timing
from bot.rating.votes import VoteCounts
from tests.conftest import Stage
from tests.support.locked_database import TIMING, held_for
from tests.support.scripted_server import Script


@pytest.fixture
def timing() -> Timing:
    return TIMING


async def tally(app: App) -> VoteCounts:
    return next(iter((await app.votes.by_model()).values()), VoteCounts())


async def test_a_reaction(stage: Stage, app: App) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.last_message
    assert shown
    with held_for(app.settings, seconds=1):
        await stage.ben.react(shown, "👍")
    assert await tally(app) == VoteCounts(ups=1)


async def test_a_button(stage: Stage, app: App) -> None:
    guild = stage.env.guild
    channel = guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(add_reactions=False)}
    )
    await stage.ana.slash(channel, "hero", hero="40 woman healing")
    shown = channel.last_message
    assert shown

    with held_for(app.settings, seconds=1):
        answer = await stage.ben.click(shown, custom_id="vote:up:1")

    assert answer.followups[-1].content.startswith("Your 👍 is noted")
    assert await tally(app) == VoteCounts(ups=1)


async def test_hero_says_so_and_asks_no_model(stage: Stage, app: App, script: Script) -> None:
    with held_for(app.settings, seconds=1):
        answer = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    reply = stage.ephemeral_reply(answer)
    assert reply.startswith("The database is busy: another program holds it. Try again in a minute.")
    assert script.asked == []
    stage.refusal()


async def test_mention_says_so(stage: Stage, app: App, script: Script) -> None:
    assert stage.env.bot.user
    with held_for(app.settings, seconds=1):
        await stage.ana.send(stage.channel, f"<@{stage.env.bot.user.id}> 40 woman healing")

    reply = stage.channel.last_message
    assert reply
    assert reply.content.startswith("The database is busy")
    assert script.asked == []


async def test_a_text_that_is_written_then_is_kept(stage: Stage, app: App, script: Script) -> None:
    """The database is taken while the model writes: what was paid for is stored, and can be voted on."""
    script.delay = 1

    with held_for(app.settings, seconds=1.5, after=0.5):
        await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    shown = stage.channel.last_message
    assert shown
    await stage.ben.react(shown, "👍")
    assert await tally(app) == VoteCounts(ups=1)
