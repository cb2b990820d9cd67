"""Reactions become votes: through the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.rating.votes import Tally
from tests.conftest import HOME, Stage


@pytest.fixture
async def message(stage: Stage) -> int:
    """The message of a description that ana asked for."""
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.last_message
    assert shown is not None
    return shown.id


async def tally(app: App) -> Tally:
    tallies = await app.votes.tallies()
    assert len(tallies) <= 1
    return next(iter(tallies.values()), Tally())


async def test_a_thumb_is_a_vote_and_the_bots_own_are_not(stage: Stage, app: App, message: int) -> None:
    assert await tally(app) == Tally()

    await stage.ben.react(_shown(stage, message), "👍")
    await stage.olga.react(_shown(stage, message), "👎🏽")

    assert await tally(app) == Tally(ups=1, downs=1)


async def test_the_latest_thumb_wins_and_withdrawing_it_restores_the_other(
    stage: Stage, app: App, message: int
) -> None:
    await stage.ben.react(_shown(stage, message), "👎")
    await stage.ben.react(_shown(stage, message), "👍")
    assert await tally(app) == Tally(ups=1)

    await stage.ben.unreact(_shown(stage, message), "👍")
    assert await tally(app) == Tally(downs=1)

    await stage.ben.unreact(_shown(stage, message), "👎")
    assert await tally(app) == Tally()


async def test_the_requesters_own_vote_and_other_emojis_do_not_count(
    stage: Stage, app: App, message: int
) -> None:
    await stage.ana.react(_shown(stage, message), "👍")
    await stage.ben.react(_shown(stage, message), "🔥")

    assert await tally(app) == Tally()


async def test_other_bots_do_not_vote(stage: Stage, app: App, message: int) -> None:
    robot = stage.env.guild.add_member(stage.env.create_user("robot", bot=True))

    await robot.react(_shown(stage, message), "👍")

    assert await tally(app) == Tally()


async def test_votes_count_on_messages_the_bot_has_forgotten(stage: Stage, app: App, message: int) -> None:
    await stage.env.restart_bot(HeroBot(app))

    await stage.ben.react(_shown(stage, message), "👍")

    assert await tally(app) == Tally(ups=1)


async def test_a_moderator_may_clear_votes(stage: Stage, app: App, message: int) -> None:
    await stage.ben.react(_shown(stage, message), "👍")
    await stage.olga.react(_shown(stage, message), "👎")
    bot_channel = stage.env.bot.get_partial_messageable(stage.channel.id, guild_id=HOME)

    await bot_channel.get_partial_message(message).clear_reaction("👎")
    await stage.env.settle()
    assert await tally(app) == Tally(ups=1)

    await bot_channel.get_partial_message(message).clear_reactions()
    await stage.env.settle()
    assert await tally(app) == Tally()


async def test_a_reaction_to_any_other_message_is_nothing(stage: Stage, app: App) -> None:
    chat = await stage.ana.send(stage.channel, "hello")

    await stage.ben.react(chat, "👍")

    assert await app.votes.tallies() == {}


def _shown(stage: Stage, message: int) -> discord.Message:
    return next(each for each in stage.channel.history() if each.id == message)
