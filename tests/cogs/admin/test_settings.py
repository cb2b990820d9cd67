"""/settings: channels, limits and language of a server."""

import asyncio

import pytest
import simcord
from discord import app_commands

from bot.app import App, open_app
from bot.client import HeroBot
from bot.community.guild_settings import narrow_limits
from bot.settings import RequestLimits, Settings
from bot.store import guilds
from bot.store.guilds import GuildSetting
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script


async def answer(stage: Stage, command: str, **options: int | str) -> str:
    result = await stage.olga.slash(stage.channel, f"settings {command}", **options)
    assert result.ephemeral
    assert result.response is not None
    return result.response.content


async def choose_channels(stage: Stage, *channels: simcord.ChannelHandle) -> str:
    shown = await stage.olga.slash(stage.channel, "settings channels")
    assert shown.response is not None
    await stage.olga.select(shown.response.message, list(channels))
    return shown.response.message.content


@pytest.mark.settings(cooldown=5, daily_per_user=200, daily_per_guild=None)
async def test_installations_limits_apply_by_default(stage: Stage) -> None:
    text = await answer(stage, "show")
    for line in (
        "`/hero` works: everywhere",
        "one member: 5 seconds (the bot's own)",
        "one member a day: 200 (the bot's own)",
        "whole server a day: no limit (the bot's own)",
        "answers: everyone's own",
    ):
        assert line in text


async def test_limits_are_set_one_by_one_and_reset(stage: Stage, app: App) -> None:
    await answer(stage, "limits", cooldown=60)
    text = await answer(stage, "limits", **{"daily-per-member": 10, "daily-of-server": 90})

    assert "one member: 60 seconds\n" in text
    assert "one member a day: 10\n" in text
    assert await app.guild_settings.limits(HOME) == RequestLimits(60, 10, 90)
    await answer(stage, "limits", **{"daily-per-member": 0})
    assert await app.guild_settings.limits(HOME) == RequestLimits(60, app.settings.daily_per_user, 90)
    await answer(stage, "reset")
    assert await app.guild_settings.limits(HOME) == app.settings.limits


async def test_without_options_it_says_how_to_change_a_setting(stage: Stage) -> None:
    limits = await answer(stage, "limits")
    assert "Nothing was changed." in limits
    assert "`/settings limits cooldown:60`" in limits
    assert "`/settings language language:English`" in await answer(stage, "language")
    assert "Nothing was changed." not in await answer(stage, "limits", cooldown=0)
    assert "language:English" not in await answer(stage, "language", language="English")


@pytest.mark.settings(cooldown=5, daily_per_guild=500)
@pytest.mark.parametrize(
    ("option", "value", "refusal"),
    [
        ("cooldown", 2, "The bot's own wait is 5 seconds: a server can make it longer, never shorter."),
        ("daily-per-member", 201, "for one member is 200 descriptions a day: a server can lower it"),
        ("daily-of-server", 501, "for a whole server is 500 descriptions a day: a server can lower it"),
    ],
)
async def test_a_limit_wider_than_the_bots_own_is_refused(
    stage: Stage, app: App, option: str, value: int, refusal: str
) -> None:
    await answer(stage, "limits", cooldown=60)
    await stage.olga.slash(stage.channel, "settings limits", **{option: value})
    assert refusal in stage.refusal()
    assert await app.guild_settings.limits(HOME) == RequestLimits(60, 200, 500)


async def test_server_can_narrow_the_installations_limits_but_not_widen_them(app: App) -> None:
    await app.guild_settings.change(HOME, daily_per_user=1_000_000)  # before the bot's own became lower

    assert await app.guild_settings.limits(HOME) == app.settings.limits
    assert await app.guild_settings.limits(None) == app.settings.limits  # direct messages
    assert narrow_limits(
        RequestLimits(5, None, 3), GuildSetting(1, cooldown=9, daily_per_user=2)
    ) == RequestLimits(9, 2, 3)


async def test_heroes_are_described_only_in_the_chosen_channels(stage: Stage, script: Script) -> None:
    other = stage.env.guild.create_text_channel("quiet")
    text = await choose_channels(stage, stage.channel)
    assert f"<#{stage.channel.id}>" in text

    result = await stage.ana.slash(other, "hero", hero="40 woman healing")
    assert f"<#{stage.channel.id}>" in stage.ephemeral_reply(result)
    stage.refusal()
    assert other.history() == []
    assert script.asked == []
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert len(script.asked) == 1

    await choose_channels(stage)
    await stage.ben.slash(other, "hero", hero="40 woman healing")
    assert len(script.asked) == 2


async def test_settings_and_the_menu_outlive_a_restart(stage: Stage, app: App, settings: Settings) -> None:
    shown = await stage.olga.slash(stage.channel, "settings channels")
    await stage.env.restart_bot(HeroBot(app))
    assert shown.response is not None
    await stage.olga.select(shown.response.message, [stage.channel])

    async with open_app(settings) as restarted:
        assert (await restarted.guild_settings.get(HOME)).channels == [stage.channel.id]


@pytest.mark.parametrize("typed", ["de", "DE", "Deutsch", "deutsch ", "German", "german"])
async def test_a_language_is_known_by_its_own_and_its_english_name(
    stage: Stage, app: App, typed: str
) -> None:
    assert "Deutsch" in await answer(stage, "language", language=typed)
    assert (await app.guild_settings.get(HOME)).language == "de"
    assert "English" in await answer(stage, "language", language="Englisch")
    assert (await app.guild_settings.get(HOME)).language == "en"


async def test_each_change_is_said_first_and_in_the_language_of_now(stage: Stage) -> None:
    there = f"<#{stage.channel.id}>"
    assert (await choose_channels(stage, stage.channel)).startswith(
        f"`/hero` works only here now: {there}.\n"
    )
    assert (await choose_channels(stage)).startswith("`/hero` works everywhere now.\n")
    assert (await answer(stage, "limits", cooldown=60)).startswith("The limits are set.\n")
    german = await answer(stage, "language", language="German")
    assert german.startswith("Die Sprache ist jetzt Deutsch.\n**Einstellungen")
    assert (await answer(stage, "language", language="English")).startswith("The language is now English.\n")
    own = await answer(stage, "language", language="own")
    assert own.startswith("Everyone is answered in their own language now.\n")
    assert (await answer(stage, "reset")).startswith("The bot's own settings apply in this server now.\n")
    assert (await answer(stage, "show")).startswith("**Settings")


async def test_language_is_chosen_by_code_or_name(stage: Stage, app: App) -> None:
    assert "English" in await answer(stage, "language", language="english")
    assert (await app.guild_settings.get(HOME)).language == "en"
    refused = await stage.olga.slash(stage.channel, "settings language", language="klingon")
    assert "do not speak" in stage.ephemeral_reply(refused)
    assert "do not speak" in stage.refusal()


async def test_language_without_a_choice_shows_it_and_changes_nothing(stage: Stage, app: App) -> None:
    await answer(stage, "language", language="German")
    shown = await answer(stage, "language")
    assert "- Sprache der Antworten: Deutsch\n" in shown
    assert "Nichts wurde geändert." in shown
    assert "`/einstellungen sprache sprache:own`" in shown
    assert (await app.guild_settings.get(HOME)).language == "de"


@pytest.mark.parametrize("typed", ["own", " Own", "für jeden die eigene"])
async def test_everyone_is_answered_in_their_own_language_again(stage: Stage, app: App, typed: str) -> None:
    await answer(stage, "limits", cooldown=60)
    await answer(stage, "language", language="German")
    assert "answers: everyone's own" in await answer(stage, "language", language=typed)
    setting = await app.guild_settings.get(HOME)
    assert (setting.language, setting.cooldown) == (None, 60)


@pytest.mark.parametrize(
    ("typed", "suggested"), [("", ["own", "en", "de", "fr"]), ("ow", ["own"]), ("germ", ["de"])]
)
async def test_languages_are_suggested(stage: Stage, typed: str, suggested: list[str]) -> None:
    choices = await stage.olga.autocomplete(stage.channel, "settings language", "language", typed)
    assert [choice["value"] for choice in choices] == suggested


async def test_no_command_that_acts_at_once_has_an_option_that_may_be_left_out(stage: Stage) -> None:
    """Left out, an option means nothing to change, or what is asked for is confirmed, drawn or only shown."""
    assert isinstance(stage.env.bot, HeroBot)
    found = {
        command.qualified_name
        for command in stage.env.bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
        and any(not parameter.required for parameter in command.parameters)
    }
    only_shown = {
        "people heaviest",
        "top",
        "card",
        "heroes mine",
        "heroes favourites",
        "heroes of",
        "dataset review",
        "dataset status",
        "models compare",
        "models show",
    }
    confirmed = {"build-dataset", "finetune"}
    drawn = {"team"}  # what is left out is drawn by lot
    tested_elsewhere = {
        *("people block", "people unblock", "people reset-quota"),
        *("settings role", "settings weekly"),
    }
    tested_here = {"settings language", "settings limits"}
    assert found == only_shown | confirmed | drawn | tested_here | tested_elsewhere


async def test_members_cannot_see_the_command(stage: Stage) -> None:
    assert "settings show" not in stage.ana.available_commands(stage.channel)
    with pytest.raises(simcord.SetupError, match="not visible"):
        await stage.ana.slash(stage.channel, "settings show")


async def test_change_is_not_overwritten_by_a_concurrent_read(app: App) -> None:
    reading = asyncio.ensure_future(app.guild_settings.get(HOME))
    await asyncio.sleep(0)
    await app.guild_settings.change(HOME, daily_per_user=3)
    await reading
    assert (await app.guild_settings.get(HOME)).daily_per_user == 3


async def test_only_public_commands_are_installed_by_users(stage: Stage) -> None:
    """Commands about a server need the bot in that server."""
    assert isinstance(stage.env.bot, HeroBot)
    for command in stage.env.bot.tree.get_commands():
        payload = command.to_dict(stage.env.bot.tree)
        server_only = command.name == "duel" or command.default_permissions is not None
        assert payload["integration_types"] == ([0] if server_only else [0, 1]), command.name
        assert payload["contexts"] == ([0] if server_only else [0, 1, 2]), command.name


async def guilds_with_settings(app: App) -> list[int]:
    async with app.db.read() as tx:
        return await guilds.list_ids(tx)


async def test_settings_are_deleted_when_the_bot_leaves_but_not_in_an_outage(stage: Stage, app: App) -> None:
    await answer(stage, "limits", cooldown=60)
    backend = stage.env.backend
    backend.emit("GUILD_DELETE", {"id": str(HOME), "unavailable": True})
    await stage.env.settle()
    assert await guilds_with_settings(app) == [HOME]

    backend.remove_guild(HOME)
    await stage.env.settle()

    assert await guilds_with_settings(app) == []
    assert (await app.guild_settings.get(HOME)).cooldown is None


async def test_settings_of_servers_left_while_away_are_deleted_at_start(stage: Stage, app: App) -> None:
    await answer(stage, "limits", cooldown=60)
    await app.guild_settings.change(7, cooldown=60)

    await stage.env.restart_bot(HeroBot(app))

    assert await guilds_with_settings(app) == [HOME]
    assert (await app.guild_settings.get(HOME)).cooldown == 60
