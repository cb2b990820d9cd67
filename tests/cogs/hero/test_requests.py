"""Asking for heroes by mention, and within limits: the real bot in a simulated Discord."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bot.app import App, open_app
from bot.errors import TooMany
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store import descriptions
from tests.conftest import HOME, Stage
from tests.support.duels import two_models
from tests.support.scripted_server import Script


async def mention(stage: Stage, text: str) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    await stage.ana.send(stage.channel, text.format(bot=bot.mention))


async def test_a_mention_is_answered_by_a_reply(stage: Stage, app: App) -> None:
    await mention(stage, "{bot} 40, woman, Healing ->")

    asked, answer = stage.channel.history()[-2:]
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id
    assert answer.embeds[0].title == "40-year-old woman, healing"
    assert [str(reaction.emoji) for reaction in answer.reactions] == ["👍", "👎"]
    assert asked.author not in answer.mentions
    async with app.db.read() as tx:
        assert await descriptions.get_by_message(tx, answer.id)


@pytest.mark.parametrize(
    ("text", "part"), [("{bot} 40 woman", "power is missing"), ("{bot}", "Tell me an age")]
)
async def test_a_mention_that_is_no_hero_is_told_what_is_missing(
    stage: Stage, script: Script, text: str, part: str
) -> None:
    await mention(stage, text)
    assert part in stage.channel.history()[-1].content
    assert script.asked == []


@pytest.mark.parametrize("text", ["40 woman healing", "hello {bot}", "<@1> 40 woman healing"])
async def test_what_does_not_begin_with_the_bots_name_is_not_for_it(stage: Stage, text: str) -> None:
    await mention(stage, text)
    assert len(stage.channel.history()) == 1


async def test_bots_are_not_answered(stage: Stage) -> None:
    robot = stage.env.guild.add_member(stage.env.create_user("robot", bot=True))
    assert stage.env.bot.user is not None
    await robot.send(stage.channel, f"{stage.env.bot.user.mention} 40 woman healing")
    assert len(stage.channel.history()) == 1


async def test_trouble_is_told_in_the_reply(stage: Stage, script: Script) -> None:
    script.failures = [401]
    await mention(stage, "{bot} 40 woman healing")
    assert "refuses this installation's key" in stage.channel.history()[-1].content


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"daily_per_user": 2, "daily_per_guild": 3})


async def test_users_and_servers_have_so_many_a_day(stage: Stage, script: Script) -> None:
    script.failures = [401]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")  # what fails does not count
    stage.refusal()
    for _ in range(2):
        await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    refused = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert "your 2 heroes of today" in stage.told_alone(refused)
    assert "your 2 heroes of today" in stage.refusal()

    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    assert "server has had its 3 heroes" in stage.refusal()


async def test_what_is_being_written_counts(app: App) -> None:
    async with app.rate_limits.acquire(1, HOME), app.rate_limits.acquire(1, HOME):
        with pytest.raises(TooMany):
            async with app.rate_limits.acquire(1, HOME):
                raise AssertionError


async def test_what_fails_is_given_back(app: App) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with app.rate_limits.acquire(1, HOME):
                raise ZeroDivisionError


async def test_between_two_heroes_of_one_user_there_is_a_pause(settings: Settings) -> None:
    async with open_app(settings.model_copy(update={"cooldown": 30})) as app:
        async with app.rate_limits.acquire(1, HOME):
            pass
        with pytest.raises(TooMany, match=r"again in (29|30) s"):
            async with app.rate_limits.acquire(1, HOME):
                raise AssertionError
        async with app.rate_limits.acquire(2, HOME):
            pass


async def test_a_restart_forgets_nothing_of_the_day(settings: Settings) -> None:
    async with open_app(settings) as app:
        for _ in range(2):
            await app.describer.describe(Hero(40, "woman", "healing"), requester=1, guild_id=HOME)
    async with open_app(settings) as again:
        with pytest.raises(TooMany):
            async with again.rate_limits.acquire(1, HOME):
                raise AssertionError


async def test_a_duel_is_one_hero_of_the_day_after_a_restart_too(settings: Settings) -> None:
    async with open_app(settings) as app:
        await two_models(app)
        await app.duels.run(Hero(40, "woman", "healing"), requester=1, guild_id=HOME)
    async with open_app(settings) as again:
        async with again.rate_limits.acquire(1, HOME):
            pass
        with pytest.raises(TooMany):
            async with again.rate_limits.acquire(1, HOME):
                raise AssertionError


@pytest.mark.parametrize("text", ["40 woman healing", " 40, woman, healing ->", "{bot} 40 woman healing"])
async def test_a_direct_message_needs_no_mention(stage: Stage, app: App, text: str) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    await stage.ana.send_dm(text.format(bot=bot.mention))

    asked, answer = stage.ana.user.dm_channel.history()
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id
    assert answer.embeds[0].title == "40-year-old woman, healing"
    async with app.db.read() as tx:
        kept = await descriptions.get_by_message(tx, answer.id)
    assert kept is not None
    assert kept.guild_id is None


async def test_a_direct_message_that_is_no_hero_gets_a_kind_sentence(stage: Stage, script: Script) -> None:
    await stage.ana.send_dm("hello, who are you?")
    assert "The age is missing" in stage.ana.user.dm_channel.history()[-1].content
    assert script.asked == []


@pytest.mark.parametrize("command", ["hero", "duel", "settings channels", "again"])
async def test_a_busy_database_keeps_nobody_from_being_heard(stage: Stage, app: App, command: str) -> None:
    """Discord waits 3 seconds for a sign of life, whatever else goes on here."""
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    first = stage.channel.history()[-1]
    app.guild_settings._cache.clear()
    async with AsyncExitStack() as busy:
        for _ in range(app.db._reader.pool.size() + app.db._reader.pool._max_overflow):  # type: ignore[attr-defined]
            await busy.enter_async_context(app.db.read())
        await busy.enter_async_context(app.db.write())
        options = {"hero": "40 woman healing"} if command in ("hero", "duel") else {}
        if command == "again":
            asking = asyncio.create_task(stage.ben.click(first, label="Again"))
        else:
            asking = asyncio.create_task(stage.olga.slash(stage.channel, command, **options))
        for _ in range(100):
            await asyncio.sleep(0.02)
            heard = [each for each in stage.env.backend.interactions.values() if each.responded]
            if len(heard) > 1:
                break
        assert len(heard) == 2
    result = await asking
    if command == "duel":
        stage.refusal()  # there is no candidate
    assert result.acknowledged


async def test_no_pause_is_due_after_a_failure(settings: Settings) -> None:
    async with open_app(settings.model_copy(update={"cooldown": 30})) as app:
        with pytest.raises(ZeroDivisionError):
            async with app.rate_limits.acquire(1, HOME):
                raise ZeroDivisionError
        async with app.rate_limits.acquire(1, HOME):
            pass


async def test_the_powers_most_asked_for_come_first(stage: Stage, app: App) -> None:
    before = await app.powers.suggest("40 woman ")
    await stage.ana.slash(stage.channel, "hero", hero="40 woman invisibility")
    app.powers._ranked = None  # a minute later
    choices = await stage.ana.autocomplete(stage.channel, "hero", "hero", "40 woman ")
    assert before[0] == "40 woman healing"
    assert choices[0]["value"] == "40 woman invisibility"
