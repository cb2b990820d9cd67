"""Requests by mention and direct message, and rate limits: the real bot in a simulated Discord."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bot.app import App, open_app
from bot.client import HeroBot
from bot.errors import TooMany
from bot.heroes.hero import Hero
from bot.settings import Settings
from bot.store import descriptions
from tests.conftest import HOME, Stage
from tests.support.duels import two_models
from tests.support.eventually import eventually
from tests.support.scripted_server import Script


async def mention(stage: Stage, text: str) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    await stage.ana.send(stage.channel, text.format(bot=bot.mention))


async def test_mention_is_answered_by_a_reply(stage: Stage, app: App) -> None:
    await mention(stage, "{bot} 40, woman, Healing ->")

    request, answer = stage.channel.history()[-2:]
    assert answer.reference is not None
    assert answer.reference.message_id == request.id
    assert answer.embeds[0].title == "40-year-old woman, healing"
    assert [str(reaction.emoji) for reaction in answer.reactions] == ["👍", "👎"]
    assert request.author not in answer.mentions
    async with app.db.read() as tx:
        assert await descriptions.get_by_message(tx, answer.id)


@pytest.mark.parametrize(
    ("text", "part"), [("{bot} 40 woman", "power is missing"), ("{bot}", "Tell me an age")]
)
async def test_reply_to_an_incomplete_mention_says_what_is_missing(
    stage: Stage, script: Script, text: str, part: str
) -> None:
    await mention(stage, text)
    assert part in stage.channel.history()[-1].content
    assert script.asked == []


async def test_failure_is_reported_in_the_reply(stage: Stage, script: Script) -> None:
    script.failures = [401]
    await mention(stage, "{bot} 40 woman healing")
    assert "refuses this installation's key" in stage.channel.history()[-1].content


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"daily_per_user": 2, "daily_per_guild": 3})


async def test_daily_limits_of_users_and_servers(stage: Stage, script: Script) -> None:
    script.failures = [401]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")  # a failure does not count
    stage.refusal()
    for _ in range(2):
        await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")

    refused = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert "used up your heroes for today (2)" in stage.ephemeral_reply(refused)
    assert "used up your heroes for today (2)" in stage.refusal()

    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    assert "server has used up its heroes for today (3)" in stage.refusal()


async def test_generations_in_progress_count(app: App) -> None:
    async with app.rate_limits.acquire(1, HOME), app.rate_limits.acquire(1, HOME):
        with pytest.raises(TooMany):
            async with app.rate_limits.acquire(1, HOME):
                raise AssertionError


async def test_several_heroes_at_once_cost_as_many_and_one_cooldown(settings: Settings) -> None:
    limited = settings.model_copy(update={"daily_per_user": 4, "daily_per_guild": 5, "cooldown": 30})
    async with open_app(limited) as app:
        async with app.rate_limits.acquire(1, HOME, amount=3):
            with pytest.raises(TooMany, match="again in"):
                async with app.rate_limits.acquire(1, HOME):
                    raise AssertionError
        with pytest.raises(TooMany, match="takes 3 of your heroes, and you have 1 left"):
            async with app.rate_limits.acquire(1, HOME, amount=3):
                raise AssertionError
        with pytest.raises(TooMany, match="takes 3 heroes, and this server has 2 left"):
            async with app.rate_limits.acquire(2, HOME, amount=3):
                raise AssertionError
        async with app.rate_limits.acquire(2, HOME, amount=2):
            pass


async def test_failure_does_not_count(app: App) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with app.rate_limits.acquire(1, HOME):
                raise ZeroDivisionError


async def test_cooldown_between_two_heroes_of_one_user(settings: Settings) -> None:
    async with open_app(settings.model_copy(update={"cooldown": 30})) as app:
        async with app.rate_limits.acquire(1, HOME):
            pass
        with pytest.raises(TooMany, match=r"again in (29|30) s"):
            async with app.rate_limits.acquire(1, HOME):
                raise AssertionError
        async with app.rate_limits.acquire(2, HOME):
            pass


async def test_daily_limit_outlives_a_restart(settings: Settings) -> None:
    async with open_app(settings) as app:
        for _ in range(2):
            await app.describer.describe(Hero(40, "woman", "healing"), requester=1, guild_id=HOME)
    async with open_app(settings) as restarted:
        with pytest.raises(TooMany):
            async with restarted.rate_limits.acquire(1, HOME):
                raise AssertionError


async def test_duel_counts_as_one_hero_also_after_a_restart(settings: Settings) -> None:
    async with open_app(settings) as app:
        await two_models(app)
        await app.duels.run(Hero(40, "woman", "healing"), requester=1, guild_id=HOME)
    async with open_app(settings) as restarted:
        async with restarted.rate_limits.acquire(1, HOME):
            pass
        with pytest.raises(TooMany):
            async with restarted.rate_limits.acquire(1, HOME):
                raise AssertionError


@pytest.mark.parametrize("text", ["40 woman healing", " 40, woman, healing ->", "{bot} 40 woman healing"])
async def test_direct_message_needs_no_mention(stage: Stage, app: App, text: str) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    await stage.ana.send_dm(text.format(bot=bot.mention))

    request, answer = stage.ana.user.dm_channel.history()
    assert answer.reference is not None
    assert answer.reference.message_id == request.id
    assert answer.embeds[0].title == "40-year-old woman, healing"
    async with app.db.read() as tx:
        kept = await descriptions.get_by_message(tx, answer.id)
    assert kept is not None
    assert kept.guild_id is None


async def test_direct_message_without_a_hero_is_told_how_to_ask(stage: Stage, script: Script) -> None:
    await stage.ana.send_dm("hello, who are you?")
    assert "Tell me an age, a gender and a power" in stage.ana.user.dm_channel.history()[-1].content
    assert script.asked == []


@pytest.mark.parametrize("command", ["hero", "duel", "settings channels", "again"])
async def test_commands_are_acknowledged_while_the_database_is_busy(
    stage: Stage, settings: Settings, command: str
) -> None:
    """Discord waits 3 seconds for the acknowledgement."""
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    first = stage.channel.history()[-1]
    async with open_app(settings) as app, AsyncExitStack() as busy:  # an app whose caches are empty
        await stage.env.restart_bot(HeroBot(app))
        await _take_all_connections(app, busy)
        options = {"hero": "40 woman healing"} if command in ("hero", "duel") else {}
        if command == "again":
            action = asyncio.create_task(stage.ben.click(first, label="Again"))
        else:
            action = asyncio.create_task(stage.olga.slash(stage.channel, command, **options))
        await eventually(lambda: _acknowledged(stage) == 2, what="the command is acknowledged")
        await busy.aclose()
        result = await action
        if command == "duel":
            stage.refusal()  # there is no candidate
        assert result.acknowledged


async def _take_all_connections(app: App, busy: AsyncExitStack) -> None:
    """Hold every reading connection, and the only writing one."""
    for _ in range(100):
        try:
            async with asyncio.timeout(0.5):
                await busy.enter_async_context(app.db.read())
        except TimeoutError:
            break
    await busy.enter_async_context(app.db.write())


def _acknowledged(stage: Stage) -> int:
    return sum(interaction.responded for interaction in stage.env.backend.interactions.values())


async def test_failure_starts_no_cooldown(settings: Settings) -> None:
    async with open_app(settings.model_copy(update={"cooldown": 30})) as app:
        with pytest.raises(ZeroDivisionError):
            async with app.rate_limits.acquire(1, HOME):
                raise ZeroDivisionError
        async with app.rate_limits.acquire(1, HOME):
            pass


async def test_most_requested_powers_are_suggested_first(stage: Stage, app: App, settings: Settings) -> None:
    before = await app.powers.suggest("40 woman ")
    await stage.ana.slash(stage.channel, "hero", hero="40 woman invisibility")
    async with open_app(settings) as restarted:  # the ranking is cached for a minute
        suggestions = await restarted.powers.suggest("40 woman ")
    assert before[0] == "40 woman healing"
    assert suggestions[0] == "40 woman invisibility"
