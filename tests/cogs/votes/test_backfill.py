"""Missed votes are looked up by discord.py's own HTTP client, from a local server with pages and limits."""

import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, update

import cogs.votes.backfill
from bot.app import App
from bot.client import HeroBot
from bot.heroes.hero import Hero
from bot.rating.backfill import VoteBackfill
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Posted
from bot.store.schema import description, vote
from cogs.votes.backfill import ReactionBackfill
from cogs.votes.cog import VotesCog
from tests.support.scripted_discord import BOT, BURST, NORMAL, ScriptedDiscord, scripted_discord

CHANNEL, MESSAGE = 10, 100
PEOPLE = [(100 + number) << 22 for number in range(250)]


@pytest.fixture
async def discord_() -> AsyncIterator[ScriptedDiscord]:
    async with scripted_discord() as script:
        yield script


@pytest.fixture
async def walk(
    app: App, discord_: ScriptedDiscord, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ReactionBackfill]:
    assert discord_
    monkeypatch.setattr(cogs.votes.backfill, "_PAUSE", 0.0)
    async with HeroBot(app) as bot:
        await bot.login("a token")
        yield bot.cog(VotesCog).backfill


async def show(app: App, message_id: int = MESSAGE, channel_id: int = CHANNEL) -> int:
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester=1)
    await app.describer.shown_as(described, channel_id, message_id)
    return described.id


async def votes(app: App) -> list[int]:
    async with app.db.read() as tx:
        return sorted((await tx.execute(select(vote.c.value))).scalars())


async def test_everyone_on_every_page_is_found_and_bots_are_not(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    robot = 99 << 22
    discord_.bots.add(robot)
    discord_.messages[MESSAGE] = {
        (UP, NORMAL): [BOT, robot, *PEOPLE[:240]],
        (DOWN, NORMAL): [BOT],
        (UP, BURST): PEOPLE[235:245],
        ("👎🏽", BURST): PEOPLE[245:],
        ("🔥", NORMAL): PEOPLE,
    }
    started = time.time()
    await walk.run()

    assert await votes(app) == [-1] * 5 + [1] * 245
    async with app.db.read() as tx:
        assert (await tx.execute(select(vote.c.at).where(vote.c.at < started))).all() == []
    pages = [each for each in discord_.asked if "/reactions/" in each]
    assert len(pages) == 4 + 2 + 2  # a last look behind each last page; nobody is listed but thumbs
    discord_.asked.clear()
    discord_.messages[MESSAGE][UP, NORMAL].remove(robot)
    await walk.run()
    assert discord_.asked == [f"/channels/{CHANNEL}/messages/{MESSAGE}"]  # the counts agree


async def test_what_vanished_is_withdrawn_and_a_plain_thumb_outlives_a_super_one(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    ann, bob, eve = PEOPLE[:3]
    await app.votes.add_reaction(MESSAGE, ann, UP, burst=True)
    await app.votes.add_reaction(MESSAGE, ann, UP)
    await app.votes.add_reaction(MESSAGE, bob, DOWN)
    await app.votes.add_reaction(MESSAGE, eve, UP)
    await app.votes.add_reaction(MESSAGE, eve, DOWN)
    discord_.messages[MESSAGE] = {(UP, NORMAL): [BOT, ann, eve]}

    await walk.run()

    assert await votes(app) == [1, 1]


async def test_a_rate_limit_is_waited_out(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    discord_.messages[MESSAGE] = {(UP, NORMAL): PEOPLE[:3]}
    discord_.limited = 2

    await walk.run()

    assert await votes(app) == [1, 1, 1]
    assert len([each for each in discord_.asked if "/reactions/" in each]) == 2 + 2


async def test_a_message_that_is_gone_keeps_its_votes_and_is_not_looked_for_again(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    await app.votes.add_reaction(MESSAGE, PEOPLE[0], UP)

    await walk.run()
    await walk.run()

    assert await votes(app) == [1]
    assert len(discord_.asked) == 1


async def test_closed_channels_and_broken_messages_leave_the_others_alone(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    for message_id, channel_id in ((1, CHANNEL), (2, 20), (3, 20), (4, CHANNEL), (5, CHANNEL)):
        await show(app, message_id, channel_id)
        discord_.messages[message_id] = {(UP, NORMAL): [PEOPLE[message_id]]}
    discord_.closed = {20}
    discord_.broken = {4}
    await app.votes.add_reaction(3, PEOPLE[0], DOWN)

    await walk.run()

    assert await votes(app) == [-1, 1, 1]
    assert len([each for each in discord_.asked if each.startswith("/channels/20/")]) == 1


async def test_a_vote_taken_back_while_people_are_listed_stays_taken_back(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    ann, bob = PEOPLE[:2]
    under = discord_.messages[MESSAGE] = {(UP, NORMAL): [ann, bob]}
    listed = 0

    def take_back() -> None:
        """Right behind the first list: it is outdated when it is kept."""
        nonlocal listed
        listed += 1
        if listed == 2:
            under[UP, NORMAL] = [bob]
            walk.mark_active(MESSAGE)

    discord_.on_page = take_back
    await walk.run()

    assert await votes(app) == [1]


async def test_the_walk_is_bounded_in_days_and_messages(app: App) -> None:
    for message_id in range(1, 6):
        its_id = await show(app, message_id)
        async with app.db.write() as tx:
            made = time.time() - 86400 * (6 - message_id)
            await tx.execute(update(description).where(description.c.id == its_id).values(created_at=made))

    async def reached(days: float, most: int) -> list[int]:
        walker = VoteBackfill(app.db, app.votes._voters, max_age_days=days, max_messages=most)
        return [each.message_id for each in await walker.recent_messages()]

    assert await reached(3.5, 500) == [5, 4, 3]
    assert await reached(3.5, 2) == [5, 4]
    assert await reached(0, 500) == []
    assert await reached(3.5, 0) == []


async def test_a_deleted_vote_does_not_come_back_from_the_thumb_that_still_stands(
    app: App, walk: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    its_id = await show(app)
    discord_.messages[MESSAGE] = {(UP, NORMAL): [PEOPLE[0]]}
    await walk.run()
    assert await votes(app) == [1]

    await app.privacy.delete(PEOPLE[0])
    await walk.run()
    assert await votes(app) == []

    # nor by a walk that was under way
    posted = Posted(its_id, CHANNEL, MESSAGE)
    assert await app.vote_backfill.sync(posted, {(UP, "reaction"): [PEOPLE[0]]}) == 0
    assert await votes(app) == []
