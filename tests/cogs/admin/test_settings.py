"""/settings: what the admins of a server choose for it."""

import asyncio

import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from bot.community.guild_settings import narrow_limits
from bot.settings import RequestLimits
from bot.store import guilds
from bot.store.guilds import GuildSetting
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script


async def told(stage: Stage, command: str, **options: int | str) -> str:
    result = await stage.olga.slash(stage.channel, f"settings {command}", **options)
    assert result.ephemeral
    assert result.response is not None
    return result.response.content


async def choose(stage: Stage, *channels: simcord.ChannelHandle) -> str:
    shown = await stage.olga.slash(stage.channel, "settings channels")
    assert shown.response is not None
    await stage.olga.select(shown.response.message, list(channels))
    return shown.response.message.content


async def test_without_any_the_installations_own_hold(
    stage: Stage, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.guild_settings, "_widest", RequestLimits(5, 200, None))
    text = await told(stage, "show")
    for line in (
        "asked for: everywhere",
        "one member: 5 seconds",
        "one member a day: 200",
        "whole server a day: no limit",
        "answers: everyone's own",
    ):
        assert line in text


async def test_limits_are_set_one_by_one_and_reset(stage: Stage, app: App) -> None:
    await told(stage, "limits", cooldown=60)
    text = await told(stage, "limits", **{"daily-per-member": 10, "daily-of-server": 90})

    assert "60 seconds" in text
    assert await app.guild_settings.limits(HOME) == RequestLimits(60, 10, 90)
    await told(stage, "limits", **{"daily-per-member": 0})
    assert await app.guild_settings.limits(HOME) == RequestLimits(60, app.settings.daily_per_user, 90)
    await told(stage, "reset")
    assert await app.guild_settings.limits(HOME) == app.settings.limits


async def test_a_server_can_narrow_the_installations_limits_and_never_widen_them(
    stage: Stage, app: App
) -> None:
    await told(stage, "limits", cooldown=0, **{"daily-per-member": 1_000_000})

    assert await app.guild_settings.limits(HOME) == app.settings.limits
    assert await app.guild_settings.limits(None) == app.settings.limits  # direct messages
    assert narrow_limits(
        RequestLimits(5, None, 3), GuildSetting(1, cooldown=9, daily_per_user=2)
    ) == RequestLimits(9, 2, 3)


async def test_heroes_are_described_in_the_chosen_channels_only(stage: Stage, script: Script) -> None:
    other = stage.env.guild.create_text_channel("quiet")
    text = await choose(stage, stage.channel)
    assert f"<#{stage.channel.id}>" in text

    result = await stage.ana.slash(other, "hero", hero="40 woman healing")
    assert f"<#{stage.channel.id}>" in stage.told_alone(result)
    stage.refusal()
    assert other.history() == []
    assert script.asked == []
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert len(script.asked) == 1

    await choose(stage)
    await stage.ben.slash(other, "hero", hero="40 woman healing")
    assert len(script.asked) == 2


async def test_settings_and_the_menu_outlive_a_restart(stage: Stage, app: App) -> None:
    shown = await stage.olga.slash(stage.channel, "settings channels")
    await stage.env.restart_bot(HeroBot(app))
    assert shown.response is not None
    await stage.olga.select(shown.response.message, [stage.channel])

    app.guild_settings._cache.clear()
    assert (await app.guild_settings.get(HOME)).channels == [stage.channel.id]


async def test_a_language_is_chosen_by_code_or_name(stage: Stage, app: App) -> None:
    assert "English" in await told(stage, "language", language="english")
    assert (await app.guild_settings.get(HOME)).language == "en"
    await told(stage, "language")
    assert (await app.guild_settings.get(HOME)).language is None
    await told(stage, "language", language="klingon")
    assert "do not speak" in stage.refusal()


async def test_members_do_not_see_it(stage: Stage) -> None:
    assert "settings show" not in stage.ana.available_commands(stage.channel)
    with pytest.raises(simcord.SetupError, match="not visible"):
        await stage.ana.slash(stage.channel, "settings show")


async def test_a_change_is_not_undone_by_who_read_before_it(app: App) -> None:
    reading = asyncio.ensure_future(app.guild_settings.get(HOME))
    await asyncio.sleep(0)
    await app.guild_settings.change(HOME, daily_per_user=3)
    await reading
    assert (await app.guild_settings.get(HOME)).daily_per_user == 3


async def test_only_what_anybody_may_use_anywhere_is_installed_by_users(stage: Stage) -> None:
    """Settings of a server belong to those who let the bot in."""
    assert isinstance(stage.env.bot, HeroBot)
    for command in stage.env.bot.tree.get_commands():
        payload = command.to_dict(stage.env.bot.tree)
        anywhere = command.name in ("hero", "top", "about", "privacy")
        assert payload["integration_types"] == ([0, 1] if anywhere else [0]), command.name
        assert payload["contexts"] == ([0, 1, 2] if anywhere else [0]), command.name


async def kept_for(app: App) -> list[int]:
    async with app.db.read() as tx:
        return await guilds.list_ids(tx)


async def test_they_go_when_the_bot_leaves_and_stay_through_an_outage(stage: Stage, app: App) -> None:
    await told(stage, "limits", cooldown=60)
    backend = stage.env.backend
    backend.emit("GUILD_DELETE", {"id": str(HOME), "unavailable": True})
    await stage.env.settle()
    assert await kept_for(app) == [HOME]

    backend.remove_guild(HOME)
    await stage.env.settle()

    assert await kept_for(app) == []
    assert (await app.guild_settings.get(HOME)).cooldown is None


async def test_what_the_bot_has_left_meanwhile_is_forgotten_at_the_next_start(stage: Stage, app: App) -> None:
    await told(stage, "limits", cooldown=60)
    await app.guild_settings.change(7, cooldown=60)

    await stage.env.restart_bot(HeroBot(app))

    assert await kept_for(app) == [HOME]
    assert (await app.guild_settings.get(HOME)).cooldown == 60
