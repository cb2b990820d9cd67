"""Two processes with one shard each over one database: two bots take turns in one simulated Discord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import discord
import pytest
import simcord

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.errors import NotAllowed, TooMany
from bot.i18n.message import LocalizedMessage
from bot.leases import LEADER, LeaseTiming
from bot.monitoring.collectors import bot_metrics
from bot.settings import Settings
from bot.shards import Shards
from bot.store import notifications
from bot.store.schema import description
from tests.cogs.contests.conftest import Clock, at
from tests.conftest import HOME, Stage

HERO = "40 woman healing"  # the home server is on shard 0
FAILED = LocalizedMessage(
    "⚠️ The scheduled backup failed; the bot's log says why. The bot tries again, and keeps the backups that "
    "it has. An operator may have to free disk space or mend BACKUP_DIR."
)

pytestmark = pytest.mark.settings(shard_ids=(0,), shard_count=2)


@pytest.fixture
def clock() -> Clock:
    return Clock(at(2030, 1, 7, 16, 59))  # a Monday


@pytest.fixture
def timing(clock: Clock) -> Timing:
    # A process that is not attached to the simulated Discord does not prolong its leases. And simcord waits
    # for all that is to happen within its limit of a minute, such as the next look for the lead.
    return Timing(clock=clock, people_refresh=0, leases=LeaseTiming(lasts=3600.0, look=3600.0))


async def serve(env: simcord.Env, app: App) -> None:
    """Let a process be the one that Discord has; the one before lives on, and keeps its leases."""
    await simcord.Env.restart_bot(env, HeroBot(app))


@dataclass
class Away:
    """The server of the other process's shard, with its channel and people, who are in both servers."""

    app: App
    env: simcord.Env
    channel: simcord.ChannelHandle
    olga: simcord.MemberActor
    ana: simcord.MemberActor

    @property
    def guild_id(self) -> int:
        assert self.channel.guild
        return self.channel.guild.id

    async def serve(self) -> None:
        """Let the other process be the one that Discord has."""
        await serve(self.env, self.app)


@pytest.fixture
async def other(settings: Settings, timing: Timing, app: App) -> AsyncIterator[App]:
    """Open the services of the process that serves the other shard."""
    assert app
    async with open_app(settings.model_copy(update={"shard_ids": (1,)}), timing) as opened:
        yield opened


@pytest.fixture
def away(stage: Stage, other: App) -> Away:
    guild = stage.env.create_guild(name="Away", shard_id=1)
    channel = guild.create_text_channel("heroes")
    manager = guild.create_role("manager", permissions=discord.Permissions(manage_guild=True))
    olga, ana = guild.add_member(stage.olga.user, roles=[manager]), guild.add_member(stage.ana.user)
    return Away(other, stage.env, channel, olga, ana)


async def refused(stage: Stage, member: simcord.MemberActor, channel: simcord.ChannelHandle) -> str:
    """Ask for a hero, and return why there is none."""
    await member.slash(channel, "hero", hero=HERO)
    return stage.refusal()


async def test_each_process_answers_in_its_own_servers_and_counts_votes_there(
    stage: Stage, app: App, away: Away
) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=HERO)
    await away.serve()
    await away.ana.slash(away.channel, "hero", hero=HERO)
    await away.olga.react(away.channel.history()[-1], "👍")
    await away.ana.click(away.channel.history()[-1], label="Again")

    assert [len(each.history()) for each in (stage.channel, away.channel)] == [1, 2]
    (votes,) = (await app.votes.by_model()).values()
    assert (votes.ups, votes.downs) == (1, 0)


@pytest.mark.settings(shard_ids=(0,), shard_count=2, cooldown=600)
async def test_the_wait_between_two_heroes_holds_in_every_server(stage: Stage, away: Away) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=HERO)
    await away.serve()
    assert "You have just asked for a hero: ask again in" in await refused(stage, away.ana, away.channel)
    await away.olga.slash(away.channel, "hero", hero=HERO)  # somebody else may


@pytest.mark.settings(shard_ids=(0,), shard_count=2, daily_per_user=2)
async def test_the_heroes_of_a_day_are_counted_over_all_servers(stage: Stage, app: App, away: Away) -> None:
    await stage.ana.slash(stage.channel, "hero", hero=HERO)
    await away.serve()
    await away.ana.slash(away.channel, "hero", hero=HERO)
    assert "used up your heroes for today (2)" in await refused(stage, away.ana, away.channel)
    assert (await app.rate_limits.quota(stage.ana.id, HOME)).left == 0

    await away.app.people.reset_quota(app.pseudonyms.of(stage.ana.id))
    assert (await app.rate_limits.quota(stage.ana.id, HOME)).left == 2


@pytest.mark.settings(shard_ids=(0,), shard_count=2, daily_per_user=5)
async def test_requests_at_the_same_moment_do_not_pass_the_limit(app: App, other: App) -> None:
    let_in = asyncio.Semaphore(0)

    async def ask(process: App) -> bool:
        with suppress(TooMany):
            async with process.rate_limits.acquire(1 << 22, None):
                let_in.release()
                return True
        return False

    asked = await asyncio.gather(*(ask(process) for process in (app, other) * 10))
    assert sum(asked) == 5


@pytest.mark.settings(shard_ids=(0,), shard_count=2, daily_per_user=5, cooldown=600)
async def test_what_fails_counts_nowhere(app: App, other: App) -> None:
    person = 1 << 22

    async def fail() -> None:
        async with app.rate_limits.acquire(person, HOME, amount=3):
            assert (await other.rate_limits.quota(person, None)).left == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    quota = await other.rate_limits.quota(person, None)
    assert (quota.left, quota.ready_at) == (5, None)


@pytest.mark.settings(shard_ids=(0,), shard_count=2, daily_per_user=5)
async def test_a_process_that_begins_in_the_middle_of_a_day_counts_what_was_made(
    app: App, other: App
) -> None:
    for _ in range(2):
        await app.describer.describe(app.hero_parser.parse(HERO), requester=1 << 22)
    assert (await other.rate_limits.quota(1 << 22, None)).left == 3
    async with other.rate_limits.acquire(1 << 22, None):
        pass
    assert (await app.rate_limits.quota(1 << 22, None)).left == 2


async def test_blocks_and_powers_of_one_process_hold_in_the_others(app: App, other: App) -> None:
    assert "yodelling" not in (await app.powers.vocabulary()).powers
    await app.powers.suggest("40 woman ")
    await other.powers.add("yodelling")
    assert "yodelling" in (await app.powers.vocabulary()).powers
    assert any("yodelling" in each for each in await app.powers.suggest("40 woman yodel"))

    await other.people.block(other.people.of_user(1 << 22))
    with pytest.raises(NotAllowed):
        async with app.rate_limits.acquire(1 << 22, None):
            pass


async def test_each_process_asks_the_model_for_its_part_at_once(app: App, other: App) -> None:
    assert app.settings.heroes_at_once == 16
    slots = [each.settings.shards.share(each.settings.heroes_at_once) for each in (app, other)]
    assert slots == [8, 8]


async def test_the_leader_alone_sends_and_in_the_language_of_any_server(
    stage: Stage, app: App, away: Away
) -> None:
    assert app.leases.has(LEADER)
    await away.serve()
    await away.olga.slash(away.channel, "settings language", language="de")
    async with app.db.write() as tx:
        await notifications.add(tx, "one", FAILED, at=0.0, channel_id=away.channel.id)
    before = len(away.channel.history())
    await stage.env.advance_time(30)
    assert not away.app.leases.has(LEADER)
    assert len(away.channel.history()) == before

    await serve(stage.env, app)  # which does not have that server
    assert stage.env.bot.get_channel(away.channel.id) is None
    await stage.env.advance_time(30)
    assert "Die geplante Sicherung" in away.channel.history()[-1].content

    await away.app.guild_settings.change(away.guild_id, language=None)
    async with app.db.write() as tx:
        await notifications.add(tx, "two", FAILED, at=0.0, channel_id=away.channel.id)
    await stage.env.advance_time(30)
    assert "The scheduled backup failed" in away.channel.history()[-1].content


async def test_another_process_leads_once_the_leader_has_ended(stage: Stage, app: App, away: Away) -> None:
    await app.leases.release()
    await away.serve()
    async with app.db.write() as tx:
        await notifications.add(tx, "one", FAILED, at=0.0, channel_id=stage.channel.id)
    await stage.env.advance_time(30)
    assert (app.leases.has(LEADER), away.app.leases.has(LEADER)) == (False, True)
    assert "The scheduled backup failed" in stage.channel.history()[-1].content


async def test_settings_of_servers_that_others_serve_stay(app: App, away: Away) -> None:
    left = HOME + (1 << 22)  # of the other process's shard, and the bot is not in it any more
    await app.guild_settings.change(HOME, language="de")
    await app.guild_settings.change(left, language="de")
    await away.serve()
    assert await app.guild_settings.list_departed(set()) == [HOME]
    assert (await away.app.guild_settings.get(HOME)).language == "de"
    assert (await away.app.guild_settings.get(left)).language is None
    await app.guild_settings.change(HOME, language="fr")  # not kept by a process that would not hear of it
    assert (await away.app.guild_settings.get(HOME)).language == "fr"


async def test_the_week_is_posted_by_the_process_of_the_server(
    stage: Stage, app: App, away: Away, clock: Clock
) -> None:
    for process, guild, channel in (
        (app, HOME, stage.channel),
        (away.app, away.guild_id, away.channel),
    ):
        chosen = {"weekly_channel": channel.id, "weekly_day": 0, "weekly_hour": 17, "time_zone": "UTC"}
        await process.guild_settings.change(guild, **chosen)
        stored = await process.describer.describe(
            process.hero_parser.parse(HERO), requester=7, guild_id=guild
        )
        for number in range(2):
            await process.votes.simulate(stored.id, f"voter {number}", "👍")
        async with process.db.write() as tx:
            made = description.update().where(description.c.id == stored.id)
            await tx.execute(made.values(created_at=at(2030, 1, 3)))
    clock.set(2030, 1, 7, 17, 0)

    await stage.env.advance_time(61)
    assert [len(each.history()) for each in (stage.channel, away.channel)] == [1, 0]
    await away.serve()
    await stage.env.advance_time(61)
    assert [len(each.history()) for each in (stage.channel, away.channel)] == [1, 1]


async def test_missed_votes_are_looked_for_by_the_process_of_the_server(app: App, other: App) -> None:
    for number, guild_id in enumerate((HOME, HOME + (1 << 22), None)):
        stored = await app.describer.describe(app.hero_parser.parse(HERO), requester=7, guild_id=guild_id)
        await app.describer.set_message(stored, 5, number)

    async def messages(shards: Shards) -> list[int]:
        return sorted(each.message_id for each in await app.vote_backfill.recent_messages(shards))

    assert await messages(app.settings.shards) == [0, 2]  # direct messages come to shard 0
    assert await messages(other.settings.shards) == [1]


@pytest.mark.settings(shard_ids=None, shard_count=2)
async def test_one_process_may_have_all_shards(stage: Stage, app: App) -> None:
    guild = stage.env.create_guild(name="Away", shard_id=1)
    channel = guild.create_text_channel("heroes")
    user = guild.add_member(stage.env.create_user("cleo"))
    await user.slash(channel, "hero", hero=HERO)
    await stage.ana.slash(stage.channel, "hero", hero=HERO)
    assert len(channel.history()) == len(stage.channel.history()) == 1

    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    assert (bot.connected, bot.shard_states, bot.guild_count) == (True, {0: True, 1: True}, 2)
    bot.dispatch("shard_disconnect", 1)
    await stage.env.settle()
    assert (bot.connected, bot.shard_states) == (False, {0: True, 1: False})
    found = {
        (each.name, *sample.labels.values()): sample.value
        for each in bot_metrics(app, bot)
        for sample in each.samples
    }
    assert found["herosmith_shard_connected", "0"] == 1
    assert found["herosmith_shard_connected", "1"] == 0
    assert found["herosmith_shard_latency_seconds", "1"] == 0
    assert found["herosmith_gateway_connected",] == 0
    assert found["herosmith_leader",] == 1
    bot.dispatch("shard_resumed", 1)
    await stage.env.settle()
    assert bot.connected
