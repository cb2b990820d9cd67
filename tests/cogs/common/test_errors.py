"""Error messages: what a person reads when a command fails before it runs."""

import logging

import pytest
from discord import app_commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import ENGLISH
from cogs.common.errors import failure_text
from tests.conftest import HOME, Stage


@pytest.fixture
def commands(stage: Stage) -> app_commands.CommandTree[HeroBot]:
    """Return the bot's commands. Discord keeps those that were synced at the start."""
    assert isinstance(stage.env.bot, HeroBot)
    return stage.env.bot.tree


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "There is no command `/top` any more: Discord still shows an old list. `/help` has the"),
        ("de", "Den Befehl `/top` gibt es nicht mehr: Discord zeigt noch eine alte Liste. `/hilfe`"),
    ],
)
async def test_a_command_of_an_older_version_is_told_as_unknown(
    stage: Stage, app: App, commands: app_commands.CommandTree[HeroBot], language: str, said: str
) -> None:
    commands.remove_command("top")
    await app.guild_settings.change(HOME, language=language)
    assert stage.ephemeral_reply(await stage.ana.slash(stage.channel, "top")).startswith(said)
    assert [type(error) for error in stage.env.errors] == [app_commands.CommandNotFound]


async def test_a_command_with_other_options_than_discord_shows_is_told_so(
    stage: Stage, commands: app_commands.CommandTree[HeroBot]
) -> None:
    @app_commands.command(name="top", description="The best")
    async def top(_interaction: Interaction, needed: str) -> None:
        raise AssertionError(needed)

    commands.add_command(top, override=True)
    told = stage.ephemeral_reply(await stage.ana.slash(stage.channel, "top"))
    assert told.startswith("`/top` has other options now than your Discord shows. Restart your Discord app")
    assert [type(error) for error in stage.env.errors] == [app_commands.CommandSignatureMismatch]


def test_a_refused_permission_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        told = failure_text(app_commands.MissingPermissions(["manage_guild"]), ENGLISH)
    assert told == "You may not use this command here."
    assert [record.levelname for record in caplog.records] == ["INFO"]
