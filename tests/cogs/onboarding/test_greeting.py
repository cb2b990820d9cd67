"""The greeting: the real bot joins servers of a simulated Discord."""

from typing import Any

import discord
import pytest
import simcord
from simcord.backend.serializers import guild_create_payload

from bot.app import App
from bot.client import HeroBot
from tests.conftest import Stage

HELLO = "I describe superheroes with a small language model of my own"


def server(env: simcord.Env, **options: Any) -> simcord.GuildHandle:
    return env.create_guild(name="Fresh", **options)


async def join(
    stage: Stage, guild: simcord.GuildHandle, *, deleted: simcord.ChannelHandle | None = None
) -> None:
    """Let Discord say that the bot has joined a server, which it says by this key alone.

    deleted: a channel that is gone by the time the bot hears of it.
    """
    backend = stage.env.backend
    payload = dict(guild_create_payload(backend, backend.get_guild(guild.id)))
    del payload["unavailable"]
    if deleted is not None:
        backend.channels.pop(deleted.id)
    backend.emit("GUILD_CREATE", payload)
    await stage.env.settle()


def greetings(*channels: simcord.ChannelHandle) -> list[int]:
    """Return how many messages each channel has, of which all are greetings."""
    assert all(message.components for channel in channels for message in channel.history())
    return [len(channel.history()) for channel in channels]


async def test_it_says_once_what_the_bot_does_what_to_type_and_what_is_stored(stage: Stage, app: App) -> None:
    guild = server(stage.env)
    general, other = (guild.create_text_channel(name) for name in ("general", "other"))
    await join(stage, guild)

    (message,) = general.history()
    assert HELLO in message.content
    for command in ("`/hero 40 woman healing`", "`/top`", "`/help`", "`/privacy show`"):
        assert command in message.content
    assert len(message.content) <= 2000
    assert greetings(general, other) == [1, 0]

    await stage.env.restart_bot(HeroBot(app))
    await join(stage, guild)
    await join(stage, stage.env.guild)
    assert greetings(general, other) == [1, 0]
    assert stage.channel.history() == []  # a server that knows the bot


async def test_it_is_posted_where_the_bot_may_write(stage: Stage) -> None:
    guild = server(stage.env)
    nobody = discord.PermissionOverwrite(send_messages=False)
    unseen = discord.PermissionOverwrite(view_channel=False)
    everyone, me = guild.default_role, stage.env.bot.user
    assert me is not None
    closed = guild.create_text_channel("closed", overwrites={me: nobody})
    hidden = guild.create_text_channel("hidden", overwrites={me: unseen})
    rules = guild.create_text_channel(
        "rules", overwrites={everyone: nobody, me: discord.PermissionOverwrite(send_messages=True)}
    )
    talk = guild.create_text_channel("talk")
    await join(stage, guild)
    assert greetings(closed, hidden, rules, talk) == [0, 0, 0, 1]

    guild = server(stage.env)
    deleted, left = (guild.create_text_channel(name) for name in ("deleted", "left"))
    await join(stage, guild, deleted=deleted)
    assert greetings(left) == [1]

    silent = server(stage.env)
    only = silent.create_text_channel("only", overwrites={me: nobody})
    await join(stage, silent)
    assert greetings(only) == [0]
    # commands need no permission, and /help tells the admin which are missing
    role = silent.create_role("chief", permissions=discord.Permissions(manage_guild=True))
    chief = silent.add_member(stage.env.create_user("chief"), roles=[role])
    helped = await chief.slash(only, "help")
    assert helped.response is not None
    checked = await chief.click(helped.response.message, label="Check permissions")
    assert "❌ **Send Messages**" in checked.followups[-1].content


@pytest.mark.parametrize(("locale", "hello", "command"), [("de", "Hallo!", "`/hero 40 Frau Heilung`")])
async def test_it_speaks_the_servers_language(stage: Stage, locale: str, hello: str, command: str) -> None:
    guild = server(stage.env, preferred_locale=locale)
    channel = guild.create_text_channel("general")
    await join(stage, guild)
    (message,) = channel.history()
    assert message.content.startswith(hello)
    assert command in message.content


async def test_a_server_that_adds_the_bot_again_is_greeted_once_a_day(stage: Stage, app: App) -> None:
    guild = server(stage.env)
    await join(stage, guild)  # without a channel: nobody was greeted
    channel = guild.create_text_channel("general")
    for _ in range(2):
        stage.env.backend.emit("GUILD_DELETE", {"id": str(guild.id)})
        await join(stage, guild)
        assert greetings(channel) == [1]
    now, number = app.timing.clock(), guild.id
    # it has been in it for long, and an outage is over
    assert not await app.onboarding.claim_greeting(number + 1, joined_at=now - 7200)
    assert await app.onboarding.claim_greeting(number + 1, joined_at=now - 60)
    assert not await app.onboarding.claim_greeting(number + 1, joined_at=now - 60)


async def test_admins_alone_learn_what_is_missing_also_after_a_restart(stage: Stage, app: App) -> None:
    guild = server(stage.env)
    me = stage.env.bot.user
    assert me is not None
    mute = discord.PermissionOverwrite(attach_files=False, add_reactions=False)
    channel = guild.create_text_channel("general", overwrites={me: mute})
    role = guild.create_role("chief", permissions=discord.Permissions(manage_guild=True))
    chief = guild.add_member(stage.env.create_user("chief"), roles=[role])
    member = guild.add_member(stage.env.create_user("member"))
    await join(stage, guild)
    (message,) = channel.history()
    await stage.env.restart_bot(HeroBot(app))

    result = await chief.click(message, label="Check permissions")
    answer = result.followups[-1]
    assert answer.ephemeral
    assert [line[:1] for line in answer.content.split("\n")[1:8]] == list("✅✅✅✅❌❌✅")
    assert "Server Settings, Roles" in answer.content

    refused = await member.click(message, label="Check permissions")
    assert "Only members with the permission Manage Server" in stage.ephemeral_reply(refused)
