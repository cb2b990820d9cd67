"""Reactions become votes: through the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.rating.votes import VoteCounts
from tests.conftest import HOME, Stage


@pytest.fixture
async def message(stage: Stage) -> int:
    """Return the id of the message with a description that Ana asked for."""
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.last_message
    assert shown is not None
    return shown.id


async def tally(app: App) -> VoteCounts:
    votes = await app.votes.by_model()
    assert len(votes) <= 1
    return next(iter(votes.values()), VoteCounts())


async def test_thumb_is_a_vote_and_the_bots_own_are_not(stage: Stage, app: App, message: int) -> None:
    assert await tally(app) == VoteCounts()

    await stage.ben.react(_shown(stage, message), "👍")
    await stage.olga.react(_shown(stage, message), "👎🏽")

    assert await tally(app) == VoteCounts(ups=1, downs=1)


async def test_latest_thumb_wins_and_withdrawing_it_restores_the_other(
    stage: Stage, app: App, message: int
) -> None:
    await stage.ben.react(_shown(stage, message), "👎")
    await stage.ben.react(_shown(stage, message), "👍")
    assert await tally(app) == VoteCounts(ups=1)

    await stage.ben.unreact(_shown(stage, message), "👍")
    assert await tally(app) == VoteCounts(downs=1)

    await stage.ben.unreact(_shown(stage, message), "👎")
    assert await tally(app) == VoteCounts()


async def test_requesters_own_vote_and_other_emojis_do_not_count(
    stage: Stage, app: App, message: int
) -> None:
    await stage.ana.react(_shown(stage, message), "👍")
    await stage.ben.react(_shown(stage, message), "🔥")

    assert await tally(app) == VoteCounts()


async def test_other_bots_do_not_vote(stage: Stage, app: App, message: int) -> None:
    robot = stage.env.guild.add_member(stage.env.create_user("robot", bot=True))

    await robot.react(_shown(stage, message), "👍")

    assert await tally(app) == VoteCounts()


async def test_votes_count_on_messages_outside_the_cache(stage: Stage, app: App, message: int) -> None:
    await stage.env.restart_bot(HeroBot(app))

    await stage.ben.react(_shown(stage, message), "👍")

    assert await tally(app) == VoteCounts(ups=1)


async def test_moderator_may_clear_votes(stage: Stage, app: App, message: int) -> None:
    await stage.ben.react(_shown(stage, message), "👍")
    await stage.olga.react(_shown(stage, message), "👎")
    bot_channel = stage.env.bot.get_partial_messageable(stage.channel.id, guild_id=HOME)

    await bot_channel.get_partial_message(message).clear_reaction("👎")
    await stage.env.settle()
    assert await tally(app) == VoteCounts(ups=1)

    await bot_channel.get_partial_message(message).clear_reactions()
    await stage.env.settle()
    assert await tally(app) == VoteCounts()


async def test_reaction_to_another_message_is_ignored(stage: Stage, app: App) -> None:
    chat = await stage.ana.send(stage.channel, "hello")

    await stage.ben.react(chat, "👍")

    assert await tally(app) == VoteCounts()


async def test_super_thumb_and_plain_thumb_are_taken_back_separately(
    stage: Stage, app: App, message: int
) -> None:
    def emit(event: str, kind: int) -> None:
        """Emit Discord's event, because simcord has no super reactions."""
        payload = {"user_id": str(stage.ben.id), "channel_id": str(stage.channel.id), "guild_id": str(HOME)}
        emoji = {"id": None, "name": "👍"}
        payload |= {"message_id": str(message), "emoji": emoji, "burst": bool(kind), "type": kind}  # type: ignore[dict-item]
        stage.env.backend.emit(event, payload)

    for kind in (0, 1):
        emit("MESSAGE_REACTION_ADD", kind)
    await stage.env.settle()
    assert await tally(app) == VoteCounts(ups=1)

    emit("MESSAGE_REACTION_REMOVE", 1)
    await stage.env.settle()
    assert await tally(app) == VoteCounts(ups=1)

    emit("MESSAGE_REACTION_REMOVE", 0)
    await stage.env.settle()
    assert await tally(app) == VoteCounts()


async def test_votes_outlive_a_deleted_message(stage: Stage, app: App, message: int) -> None:
    await stage.ben.react(_shown(stage, message), "👍")
    await stage.olga.delete(_shown(stage, message))

    assert await tally(app) == VoteCounts(ups=1)
    assert await app.vote_backfill.recent_messages() == []


async def test_votes_outlive_messages_deleted_in_bulk(stage: Stage, app: App, message: int) -> None:
    await stage.ben.react(_shown(stage, message), "👍")
    ids = [str(message), "4242"]
    payload = {"ids": ids, "channel_id": str(stage.channel.id), "guild_id": str(HOME)}
    stage.env.backend.emit("MESSAGE_DELETE_BULK", payload)
    await stage.env.settle()

    assert await tally(app) == VoteCounts(ups=1)
    assert await app.vote_backfill.recent_messages() == []


async def test_votes_missed_while_the_bot_was_away_are_found_at_start(
    stage: Stage, app: App, message: int
) -> None:
    await stage.ben.react(_shown(stage, message), "👍")
    await app.votes.remove_reaction(message, stage.ben.id, "👍")  # as if the bot had missed the click
    await app.votes.add_reaction(message, stage.olga.id, "👎")  # as if it had missed the withdrawal
    await app.votes.toggle((await app.vote_backfill.recent_messages())[0].description_id, 99 << 22, "👎")
    assert await tally(app) == VoteCounts(downs=2)

    await stage.env.restart_bot(HeroBot(app))

    assert await tally(app) == VoteCounts(ups=1, downs=1)


def _shown(stage: Stage, message: int) -> discord.Message:
    return next(each for each in stage.channel.history() if each.id == message)
