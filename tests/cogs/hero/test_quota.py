"""Limits by role, /quota, and people whom operators block or whose day they begin anew."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import simcord

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.errors import TooMany, UserError
from bot.settings import RequestLimits, Settings
from bot.store import people
from tests.conftest import HOME, Stage
from tests.support.query_plans import QueryPlans

HERO = "40 woman healing"
BLOCKED = "The people who run this bot do not let you ask for heroes any more."


async def ask(stage: Stage, member: simcord.MemberActor) -> None:
    await member.slash(stage.channel, "hero", hero=HERO)


async def command(stage: Stage, name: str, **options: Any) -> str:
    return stage.ephemeral_reply(await options.pop("who", stage.olga).slash(stage.channel, name, **options))


async def mention(stage: Stage, member: simcord.MemberActor) -> str:
    assert stage.env.bot.user is not None
    await member.send(stage.channel, f"{stage.env.bot.user.mention} {HERO}")
    return stage.channel.history()[-1].content


@pytest.fixture
def timing() -> Timing:
    return Timing(people_refresh=0)  # what another process wrote is seen at once


@pytest.mark.settings(daily_per_user=6, daily_per_guild=None)
async def test_role_has_limits_wider_than_the_servers_but_not_than_the_bots_own(
    stage: Stage, app: App
) -> None:
    guild = stage.channel.guild
    assert guild is not None
    patron, newcomer = guild.create_role("patron"), guild.create_role("newcomer")
    await stage.env.settle()
    await app.guild_settings.change_limits(HOME, daily_per_user=1)
    await command(stage, "settings role", role=newcomer, cooldown=600)
    text = await command(stage, "settings role", role=patron, **{"daily-per-member": 3})
    assert f"The limits of <@&{patron.id}> are set." in text
    assert f"- <@&{patron.id}>: 3 descriptions a day" in text
    assert f"- <@&{newcomer.id}>: a wait of 600 seconds" in await command(stage, "settings show")

    roles = {patron.id, newcomer.id}
    assert await app.guild_settings.limits(HOME, roles) == RequestLimits(600, 3, None)
    assert await app.guild_settings.limits(HOME, {patron.id}) == RequestLimits(0, 3, None)
    assert await app.guild_settings.limits(HOME) == RequestLimits(0, 1, None)
    await command(stage, "settings role", role=newcomer, cooldown=0, **{"daily-per-member": 2})
    assert await app.guild_settings.limits(HOME, roles) == RequestLimits(0, 3, None)  # the most generous

    await stage.olga.slash(stage.channel, "settings role", role=patron, **{"daily-per-member": 7})
    assert "for one member is 6 descriptions a day" in stage.refusal()
    await stage.olga.slash(stage.channel, "settings role", role=guild.default_role, cooldown=9)
    assert "`/settings limits` is for all of them" in stage.refusal()
    assert "Nothing was changed." in await command(stage, "settings role", role=patron)

    removed = await command(stage, "settings role", role=newcomer, **{"daily-per-member": 0})
    assert f"<@&{newcomer.id}> has no limits of its own now." in removed
    assert f"- <@&{newcomer.id}>" not in removed
    stage.env.backend.delete_role(HOME, patron.id)
    await stage.env.settle()
    assert "Limits of roles" not in await command(stage, "settings show")


@pytest.mark.settings(daily_per_user=6)
async def test_roles_that_went_while_the_bot_was_away_are_forgotten(
    stage: Stage, app: App, settings: Settings
) -> None:
    await app.guild_settings.change_role_limit(HOME, 1234, cooldown=9)
    await stage.env.restart_bot(HeroBot(app))
    assert await app.guild_settings.role_limits(HOME) == []

    await app.guild_settings.change_role_limit(7, 1234, cooldown=9)  # a server that was left
    await stage.env.restart_bot(HeroBot(app))
    async with open_app(settings) as restarted:
        assert await restarted.guild_settings.role_limits(7) == []


@pytest.mark.settings(daily_per_user=1_000_000)
async def test_as_many_roles_as_may_have_limits_are_shown(stage: Stage, app: App) -> None:
    roles = [10**18 + number for number in range(25)]
    for role in roles:
        await app.guild_settings.change_role_limit(HOME, role, cooldown=86_400, daily_per_user=1_000_000)
    with pytest.raises(UserError, match="At most 25 roles"):
        await app.guild_settings.change_role_limit(HOME, 99, cooldown=9)
    shown = await stage.olga.slash(stage.channel, "settings show")
    assert shown.response is not None
    assert shown.response.content.startswith("**Settings of this server**")
    (embed,) = shown.response.embeds
    lines = (embed.description or "").splitlines()[1:]
    assert lines == [f"- <@&{role}>: a wait of 86400 seconds, 1000000 descriptions a day" for role in roles]


async def test_limits_of_roles_outlive_an_outage_of_their_server(stage: Stage, app: App) -> None:
    await app.guild_settings.change_role_limit(HOME, 1234, cooldown=9)
    stage.env.backend.emit("GUILD_DELETE", {"id": str(HOME), "unavailable": True})
    await stage.env.settle()
    stage.env.bot.dispatch("ready")  # as after a start: the server is known, but not what roles it has
    await stage.env.settle()
    assert [each.role_id for each in await app.guild_settings.role_limits(HOME)] == [1234]


async def test_every_way_of_asking_tells_the_roles(stage: Stage, app: App) -> None:
    guild = stage.channel.guild
    assert guild is not None
    patron = guild.create_role("patron")
    cleo = guild.add_member(stage.env.create_user("cleo"), roles=[patron])
    await stage.env.settle()
    await app.guild_settings.change_limits(HOME, daily_per_user=1)
    await app.guild_settings.change_role_limit(HOME, patron.id, daily_per_user=3)

    await ask(stage, cleo)
    await cleo.click(stage.channel.history()[-1], label="Again")
    await mention(stage, cleo)
    assert "used up your heroes for today (3)" in await mention(stage, cleo)
    await stage.ben.slash(stage.channel, "hero", hero=HERO)
    await ask(stage, stage.ben)
    assert "used up your heroes for today (1)" in stage.refusal()
    assert "- You: 0 of 3 left" in await command(stage, "quota", who=cleo)


@pytest.mark.settings(cooldown=60, daily_per_user=200, daily_per_guild=None)
async def test_quota_says_what_is_left_and_counts_nothing(stage: Stage, app: App) -> None:
    await app.guild_settings.change_limits(HOME, daily_of_guild=50)
    await ask(stage, stage.ana)
    for _ in range(2):
        text = await command(stage, "quota", who=stage.ana)
        assert "- You: 199 of 200 left\n- This server: 49 of 50 left\n" in text
        assert re.search(r"All of them are back <t:\d+:R>", text)
        assert re.search(r"60 seconds; you can ask again <t:\d+:R>", text)
    text = await command(stage, "quota", who=stage.ben)
    assert "- You: 200 of 200 left\n- This server: 49 of 50 left\n" in text
    assert text.endswith("Wait between two requests: 60 seconds")
    there = await app.rate_limits.quota(stage.ana.id, None)  # in a direct message
    assert (there.left, there.guild_left, there.blocked) == (199, None, False)
    assert there.renewed_at % 86_400 == 0


async def test_a_blocked_person_is_told_so_and_still_votes(
    stage: Stage, app: App, settings: Settings
) -> None:
    await ask(stage, stage.ben)
    card = stage.channel.history()[-1]
    text = await command(stage, "people block", member=stage.ana)
    assert f"<@{stage.ana.id}> cannot ask for heroes any more, anywhere. Their votes still count." == text
    assert "is blocked already" in await command(stage, "people block", member=stage.ana)

    await ask(stage, stage.ana)
    assert stage.refusal() == BLOCKED
    assert stage.ephemeral_reply(await stage.ana.click(card, label="Again")) == BLOCKED
    assert await mention(stage, stage.ana) == BLOCKED
    await stage.ana.send_dm(HERO)
    assert stage.ana.user.dm_channel.history()[-1].content == BLOCKED
    assert (await command(stage, "quota", who=stage.ana)).startswith(BLOCKED)
    await stage.ana.react(card, "👍")
    assert (await app.privacy.counts(stage.ana.id))["vote"] == 1

    (hers,) = json.loads(await app.privacy.export(stage.ana.id))["blocked_person"]
    (operators,) = json.loads(await app.privacy.export(stage.olga.id))["blocked_person"]
    ana = app.people.of_user(stage.ana.id)
    assert (hers["person"], "actor_id" in hers) == (ana, False)  # nobody reads who else is named
    assert ("person" in operators, operators["actor_id"]) == (False, stage.olga.id)

    question = await stage.ana.slash(stage.channel, "privacy delete")
    assert question.response is not None
    await stage.ana.click(question.response.message, label="Delete everything")
    async with open_app(settings) as restarted:
        assert (await restarted.rate_limits.quota(stage.ana.id, 1)).blocked
    assert "can ask for heroes again" in await command(stage, "people unblock", member=stage.ana)
    assert "is not blocked" in await command(stage, "people unblock", member=stage.ana)
    assert (await mention(stage, stage.ana)) == ""


@pytest.mark.settings(daily_per_user=2, daily_per_guild=4)
async def test_a_reset_quota_counts_from_then_on_also_after_a_restart(
    stage: Stage, app: App, settings: Settings
) -> None:
    for _ in range(2):
        await ask(stage, stage.ana)
    async with open_app(settings, Timing(people_refresh=0)) as elsewhere:  # as the terminal does
        await elsewhere.people.reset_quota(elsewhere.people.of_user(stage.ana.id))
    assert (await app.rate_limits.quota(stage.ana.id, HOME)).left == 2
    failing = app.rate_limits.acquire(stage.ana.id, HOME)  # counted before the reset
    await failing.__aenter__()
    assert "from zero" in await command(stage, "people reset-quota", member=stage.ana)
    assert (await app.rate_limits.quota(stage.ana.id, HOME)).left == 2
    failure = ZeroDivisionError()
    assert not await failing.__aexit__(type(failure), failure, None)
    await ask(stage, stage.ana)
    quota = await app.rate_limits.quota(stage.ana.id, HOME)
    assert (quota.left, quota.guild_left) == (1, 1)
    async with open_app(settings) as restarted:
        quota = await restarted.rate_limits.quota(stage.ana.id, HOME)
        assert (quota.left, quota.guild_left) == (1, 1)
        async with restarted.rate_limits.acquire(stage.ana.id, 7):  # another server
            pass
        with pytest.raises(TooMany):
            async with restarted.rate_limits.acquire(stage.ana.id, 8):
                raise AssertionError


async def test_the_heaviest_are_listed_and_named_by_short_names(stage: Stage, app: App) -> None:
    for member in (stage.ana, stage.ana, stage.ben):
        await ask(stage, member)
    ana, ben = (app.people.of_user(member.id) for member in (stage.ana, stage.ben))
    text = await command(stage, "people heaviest")
    assert text.index(f"- `{ana[:8]}` 2 heroes") < text.index(f"- `{ben[:8]}` 1 hero")
    assert "Nobody is blocked." in text

    (choice,) = await stage.olga.autocomplete(stage.channel, "people block", "person", ana[:5])
    assert choice == {"name": f"{ana[:8]} · 2 heroes", "value": ana[:8]} | choice
    await command(stage, "people block", person=choice["value"])
    assert f"- `{ana[:8]}` 2 heroes (blocked since 2" in await command(stage, "people heaviest", days=7)
    (choice,) = await stage.olga.autocomplete(stage.channel, "people unblock", "person", "")
    assert f"`{ana[:8]}` can ask" in await command(stage, "people unblock", person=choice["value"])

    await command(stage, "people block", person=str(stage.ana.id))  # by the Discord id
    assert (await app.people.standing()).blocked == {ana}
    for typed, refusal in (("🙂", "Nobody has that name"), ("ffffffffffff", "Nobody has that name")):
        await stage.olga.slash(stage.channel, "people block", person=typed)
        assert refusal in stage.refusal()
    for options in ({}, {"member": stage.ana, "person": ana[:8]}):
        await stage.olga.slash(stage.channel, "people block", **options)
        assert "Name one person" in stage.refusal()
    async with app.db.write() as tx:
        await people.block(tx, f"{ben[:9]}{'0' * 55}", actor_id=None, at=1.0)
    await stage.olga.slash(stage.channel, "people block", person=ben[:8])
    assert "Several people are meant" in stage.refusal()
    assert await app.people.short(ben) == ben[:12]


@pytest.mark.settings(home_guilds=frozenset({1}))
async def test_only_operators_name_people(stage: Stage) -> None:
    assert "people heaviest" not in stage.ana.available_commands(stage.channel)
    await ask(stage, stage.ana)
    for name, options in (("heaviest", {}), ("block", {"member": stage.ana})):
        await stage.olga.slash(stage.channel, f"people {name}", **options)  # an admin here, no operator
        assert "belongs to the operators" in stage.refusal()
    assert await stage.olga.autocomplete(stage.channel, "people block", "person", "") == []


@pytest.mark.sqlite("the plan is its own")
@pytest.mark.parametrize(
    "query",
    [
        lambda tx: people.count_since(tx, "a" * 64, 1.0),
        lambda tx: people.list_heaviest(tx, 1.0, 25),
        lambda tx: people.first_and_last(tx, "abcd"),
    ],
)
async def test_queries_use_indexes(app: App, query_plans: QueryPlans, query: Callable[[Any], Any]) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await query(tx)
    assert [each for each in query_plans.scans if each[0] != "duel"] == []
