"""/help: the real bot in a simulated Discord."""

import re

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.client import HeroBot, Interaction
from bot.connection.command_sync import CommandSync
from bot.i18n.catalogues import Catalogues
from bot.settings import ROOT, Settings
from cogs.common.permissions import admins_group, admins_only, operators_only
from cogs.info.help import ADMINS, HEROES, MEMBERS, OPERATORS
from tests.conftest import Stage

FOR_ALL = ["/hero`", "/duel`", "/top`", "/about`", "/privacy show, ", "/help`"]
FOR_ADMINS = ["/settings "]
FOR_OPERATORS = ["/build-dataset`", "/dataset ", "/powers ", "/finetune`", "/models list, "]


async def help_text(stage: Stage, name: str) -> str:
    """Run /help as a person, and return all that only they can read."""
    person = {"olga": stage.olga, "ana": stage.ana}[name]
    result = await person.slash(stage.channel, "help")
    assert result.response is not None
    assert result.response.ephemeral
    (embed,) = result.response.embeds
    return "\n".join([embed.description or "", *(f"{field.name}\n{field.value}" for field in embed.fields)])


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [
        ("ana", FOR_ALL, [*FOR_ADMINS, *FOR_OPERATORS]),
        ("olga", [*FOR_ALL, *FOR_ADMINS, *FOR_OPERATORS], []),
    ],
)
async def test_people_see_the_commands_that_they_may_use(
    stage: Stage, name: str, shown: list[str], hidden: list[str]
) -> None:
    text = await help_text(stage, name)
    assert [each for each in shown if f"`{each}" not in text] == []
    assert [each for each in hidden if f"`{each}" in text] == []
    assert "(operators)" not in text


@pytest.mark.settings(home_guilds=frozenset({1}))
async def test_an_admin_of_another_server_sees_its_settings_but_not_the_model(stage: Stage) -> None:
    text = await help_text(stage, "olga")
    assert "`/settings " in text
    assert "`/finetune`" not in text


async def test_it_says_what_the_bot_is_and_how_to_begin(stage: Stage) -> None:
    text = await help_text(stage, "ana")
    assert "a small language model of its own" in text
    assert "`/hero 40 woman healing`" in text


@pytest.mark.parametrize(
    ("language", "code", "name"), [("Deutsch", "de", "hilfe"), ("Français", "fr", "aide")]
)
async def test_it_is_in_the_servers_language(stage: Stage, language: str, code: str, name: str) -> None:
    await stage.olga.slash(stage.channel, "settings language", language=language)
    text = await help_text(stage, "olga")
    assert f"`/{name}`" in text
    t = Catalogues(ROOT / "data" / "languages").translator_for(code)
    assert isinstance(stage.env.bot, HeroBot)
    for command in stage.env.bot.tree.get_commands(type=discord.AppCommandType.chat_input):
        assert isinstance(command, (discord.app_commands.Command, discord.app_commands.Group))
        assert t(command.description).partition(" (")[0] in text, command.name
        assert f"/{t.command_name(command.name)}" in text


async def test_sections_name_real_commands(stage: Stage) -> None:
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    named = {name for section in (HEROES, MEMBERS, ADMINS, OPERATORS) for name in section.names}
    assert named <= {command.name for command in bot.tree.get_commands()}


class NewCommands(commands.Cog):
    """Commands that no section names."""

    group = admins_group(name="rules", description="New for admins")

    @app_commands.command(description="New for members")
    async def wave(self, interaction: Interaction) -> None:
        """Do nothing."""

    @app_commands.command(description="New for operators")
    @admins_only
    @operators_only
    async def audit(self, interaction: Interaction) -> None:
        """Do nothing."""

    @group.command(description="One of the group")
    async def show(self, interaction: Interaction) -> None:
        """Do nothing."""


async def test_a_new_command_stands_under_those_who_may_use_it(stage: Stage) -> None:
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    await bot.add_cog(NewCommands())
    await CommandSync(bot.tree, bot.app.leases).run()

    sections = dict(re.findall(r"^([A-Z].*)\n((?:- .*\n?)+)", await help_text(stage, "olga"), re.MULTILINE))

    for section, line in (
        (MEMBERS, "- `/wave` New for members"),
        (ADMINS, "- `/rules show` New for admins"),
        (OPERATORS, "- `/audit` New for operators"),
    ):
        assert line in sections[section.title].splitlines()


async def test_every_field_fits_into_an_embed(stage: Stage) -> None:
    for language in ("English", "Deutsch", "Français"):
        await stage.olga.slash(stage.channel, "settings language", language=language)
        result = await stage.olga.slash(stage.channel, "help")
        assert result.response is not None
        (embed,) = result.response.embeds
        assert max(len(field.value or "") for field in embed.fields) <= 1024
        assert len(embed) <= 6000


@pytest.mark.settings(source_url="https://example.org/source")
async def test_it_links_the_source_code(stage: Stage, settings: Settings) -> None:
    result = await stage.ana.slash(stage.channel, "help")
    assert result.response is not None
    (row,) = result.response.components
    assert [button["url"] for button in row["components"]] == [settings.source_url]


async def test_direct_messages_offer_what_works_there(stage: Stage) -> None:
    eve = stage.env.create_user("eve")
    result = await eve.slash("help")
    assert result.response is not None
    text = "\n".join(field.value or "" for field in result.response.embeds[0].fields)
    assert "`/hero`" in text
    assert "`/duel`" not in text
