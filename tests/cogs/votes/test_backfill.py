"""The backfill through discord.py's own HTTP client, from a local server with pages and rate limits."""

import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, update

from bot.app import App, Timing
from bot.client import HeroBot
from bot.community.accounts import load_pseudonyms
from bot.heroes.hero import Hero
from bot.rating.backfill import VoteBackfill
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.shards import ALL
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
def timing() -> Timing:
    return Timing(backfill_pause=0.0)


@pytest.fixture
async def backfill(app: App, discord_: ScriptedDiscord) -> AsyncIterator[ReactionBackfill]:
    assert discord_
    async with HeroBot(app) as bot:
        await bot.login("a token")
        yield bot.cog(VotesCog).backfill


async def show(app: App, message_id: int = MESSAGE, channel_id: int = CHANNEL) -> int:
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester=1)
    await app.describer.set_message(described, channel_id, message_id)
    return described.id


async def votes(app: App) -> list[int]:
    async with app.db.read() as tx:
        return sorted((await tx.execute(select(vote.c.value))).scalars())


async def test_people_on_all_pages_are_found_and_bots_are_not(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
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
    await backfill.read(ALL)

    assert await votes(app) == [-1] * 5 + [1] * 245
    async with app.db.read() as tx:
        assert (await tx.execute(select(vote.c.at).where(vote.c.at < started))).all() == []
    pages = [path for path in discord_.requests if "/reactions/" in path]
    assert len(pages) == 4 + 2 + 2  # with one request beyond each last page; only thumbs are listed
    discord_.requests.clear()
    discord_.messages[MESSAGE][UP, NORMAL].remove(robot)
    await backfill.read(ALL)
    assert discord_.requests == [f"/channels/{CHANNEL}/messages/{MESSAGE}"]  # the counts agree


async def test_missing_reactions_are_withdrawn_separately_by_kind(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    ann, bob, eve = PEOPLE[:3]
    await app.votes.add_reaction(MESSAGE, ann, UP, burst=True)
    await app.votes.add_reaction(MESSAGE, ann, UP)
    await app.votes.add_reaction(MESSAGE, bob, DOWN)
    await app.votes.add_reaction(MESSAGE, eve, UP)
    await app.votes.add_reaction(MESSAGE, eve, DOWN)
    discord_.messages[MESSAGE] = {(UP, NORMAL): [BOT, ann, eve]}

    await backfill.read(ALL)

    assert await votes(app) == [1, 1]


async def test_rate_limit_is_waited_out(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    discord_.messages[MESSAGE] = {(UP, NORMAL): PEOPLE[:3]}
    discord_.limited = 2

    await backfill.read(ALL)

    assert await votes(app) == [1, 1, 1]
    assert len([path for path in discord_.requests if "/reactions/" in path]) == 2 + 2


async def test_deleted_message_keeps_its_votes_and_is_not_read_again(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    await app.votes.add_reaction(MESSAGE, PEOPLE[0], UP)

    await backfill.read(ALL)
    await backfill.read(ALL)

    assert await votes(app) == [1]
    assert len(discord_.requests) == 1


async def test_closed_channels_and_broken_messages_do_not_stop_the_others(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    for message_id, channel_id in ((1, CHANNEL), (2, 20), (3, 20), (4, CHANNEL), (5, CHANNEL)):
        await show(app, message_id, channel_id)
        discord_.messages[message_id] = {(UP, NORMAL): [PEOPLE[message_id]]}
    discord_.closed = {20}
    discord_.broken = {4}
    await app.votes.add_reaction(3, PEOPLE[0], DOWN)

    await backfill.read(ALL)

    assert await votes(app) == [-1, 1, 1]
    assert len([path for path in discord_.requests if path.startswith("/channels/20/")]) == 1


async def test_vote_taken_back_during_the_listing_stays_taken_back(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    await show(app)
    ann, bob = PEOPLE[:2]
    under = discord_.messages[MESSAGE] = {(UP, NORMAL): [ann, bob]}
    listed = 0

    def take_back() -> None:
        """Take the vote back right after the first page, so that it is outdated when it is stored."""
        nonlocal listed
        listed += 1
        if listed == 2:
            under[UP, NORMAL] = [bob]
            backfill.mark_active(MESSAGE)

    discord_.on_page = take_back
    await backfill.read(ALL)

    assert await votes(app) == [1]


async def test_backfill_is_limited_in_days_and_messages(app: App, settings: Settings) -> None:
    for message_id in range(1, 6):
        description_id = await show(app, message_id)
        async with app.db.write() as tx:
            created_at = time.time() - 86400 * (6 - message_id)
            await tx.execute(
                update(description).where(description.c.id == description_id).values(created_at=created_at)
            )

    pseudonyms = load_pseudonyms(settings.data_dir / "voters.key")

    async def recent(days: float, messages: int) -> list[int]:
        backfill = VoteBackfill(app.db, pseudonyms, max_age_days=days, max_messages=messages)
        return [posted.message_id for posted in await backfill.recent_messages()]

    assert await recent(3.5, 500) == [5, 4, 3]
    assert await recent(3.5, 2) == [5, 4]
    assert await recent(0, 500) == []
    assert await recent(3.5, 0) == []


async def test_vote_deleted_by_its_voter_does_not_come_back(
    app: App, backfill: ReactionBackfill, discord_: ScriptedDiscord
) -> None:
    description_id = await show(app)
    discord_.messages[MESSAGE] = {(UP, NORMAL): [PEOPLE[0]]}
    await backfill.read(ALL)
    assert await votes(app) == [1]

    await app.privacy.delete(PEOPLE[0])
    await backfill.read(ALL)
    assert await votes(app) == []

    # nor by a backfill that was in progress
    posted = Posted(description_id, CHANNEL, MESSAGE)
    assert await app.vote_backfill.sync(posted, {(UP, "reaction"): [PEOPLE[0]]}) == 0
    assert await votes(app) == []
