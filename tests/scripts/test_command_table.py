"""The tables of commands in README.md and docs/commands.md are those of the real command tree."""

import ast

import discord
import pytest
import simcord

from bot.client import HeroBot
from bot.settings import ROOT
from scripts.command_table import ADMINS, EVERYONE, OPERATORS, commands, pages
from tests.conftest import Stage


def test_the_tables_are_up_to_date(env: simcord.Env) -> None:
    assert isinstance(env.bot, HeroBot)
    outdated = [
        path.name for path, text in pages(env.bot).items() if path.read_text(encoding="utf-8") != text
    ]
    assert outdated == [], "run `make commands`"


@pytest.fixture
def elsewhere(stage: Stage) -> tuple[simcord.ChannelHandle, simcord.MemberActor, simcord.MemberActor]:
    """Return a channel, an admin and a member of a server that is no home server."""
    guild = stage.env.create_guild(name="Elsewhere")
    role = guild.create_role("admin", permissions=discord.Permissions(manage_guild=True))
    admin = guild.add_member(stage.env.create_user("paul"), roles=[role])
    return guild.create_text_channel("general"), admin, guild.add_member(stage.env.create_user("mia"))


@pytest.mark.parametrize(
    ("command", "who"),
    [
        ("about", EVERYONE),
        ("privacy show", EVERYONE),
        ("settings show", ADMINS),
        ("settings reset", ADMINS),
        ("models list", OPERATORS),
        ("dataset status", OPERATORS),
        ("build-dataset", OPERATORS),
    ],
)
async def test_who_may_use_a_command_is_what_discord_and_the_bot_enforce(
    stage: Stage,
    elsewhere: tuple[simcord.ChannelHandle, simcord.MemberActor, simcord.MemberActor],
    command: str,
    who: str,
) -> None:
    assert isinstance(stage.env.bot, HeroBot)
    assert {entry.name: entry.who for entry in commands(stage.env.bot)}[command] == who
    channel, admin, member = elsewhere
    await admin.slash(channel, command)
    if who == OPERATORS:
        assert "belongs to the operators" in stage.refusal()
    if who != EVERYONE:
        with pytest.raises(Exception, match=r"(?i)permission"):
            await member.slash(channel, command)
    else:
        await member.slash(channel, command)


def test_no_body_of_a_command_checks_for_operators() -> None:
    """Commands say it by @operators_only, which the tables and /help read. Buttons and forms check."""
    elsewhere = []
    for path in sorted((ROOT / "cogs").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.AsyncFunctionDef) and path.name != "permissions.py":
                calls = {ast.unparse(each.func) for each in ast.walk(function) if isinstance(each, ast.Call)}
                if "require_operator" in calls and function.name not in ("handle", "submit"):
                    elsewhere.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}")
    assert elsewhere == []
