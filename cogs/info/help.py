"""/help: what the bot does, and the commands that the person may use here, by what they are for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot import palette
from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator, mark
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.permissions import RootCommand, is_for_admins, is_for_operators, is_operator
from cogs.common.persistent import persistent_view
from cogs.common.responses import answer
from cogs.onboarding.permissions import PermissionsButton


@dataclass(frozen=True, slots=True)
class Section:
    """Commands that are shown together.

    title: marked for the catalogues; names: those that come first; examples: lines to type, marked as well.
    """

    title: str
    names: tuple[str, ...]
    examples: tuple[str, ...] = ()


# Any other command follows in the second to fourth section, by who may use it.
HEROES = Section(
    mark("Heroes"),
    ("hero", "team", "story", "duel", "card", "heroes", "top"),
    (
        mark("`/hero 40 woman healing` for one text, `/duel 40 woman healing` for two to choose from"),
        mark("`{/top period:{week}}` for the best of this week"),
    ),
)
MEMBERS = Section(mark("The bot and you"), ("quota", "about", "privacy", "help"))
ADMINS = Section(
    mark("This server, for its admins"),
    ("settings", "season"),
    (
        mark("`/settings channels` to choose where I answer"),
        mark("`{/settings weekly channel:#heroes}` to post the hero of the week"),
    ),
)
OPERATORS = Section(
    mark("The model, for operators: from a dataset to a better model"),
    ("build-dataset", "dataset", "powers", "finetune", "models"),
    (
        mark("`{/build-dataset source:shipped}` for a first dataset in seconds, then `/finetune`"),
        mark("`{/models list}` to see which model answers"),
    ),
)


class HelpCog(commands.Cog):
    """What the bot does, and how to use it."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="What this bot does, and the commands that you may use")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def help(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        sections = [HEROES, MEMBERS]
        if interaction.guild_id and interaction.permissions.manage_guild:
            sections.append(ADMINS)
        if await is_operator(interaction):
            sections.append(OPERATORS)
        usable = [command for command in _roots(self.bot) if _is_usable(command, interaction)]
        menus = [each.name for each in self.bot.tree.get_commands(type=discord.AppCommandType.message)]
        view = persistent_view(_buttons(t, sections, self.app.settings.source_url))
        await answer(interaction, MessageContent(embeds=[_embed(t, sections, usable, menus)], view=view))


def _buttons(t: Translator, sections: list[Section], source: str | None) -> Iterator[discord.ui.Item[Any]]:
    """Yield the buttons. The greeting has the first as well, but there may be no channel that took it."""
    if ADMINS in sections:
        yield PermissionsButton(t)
    if source:
        yield discord.ui.Button(label=t("Source code"), url=source)


def _roots(bot: HeroBot) -> list[RootCommand]:
    return [
        each
        for each in bot.tree.get_commands()
        if isinstance(each, (app_commands.Command, app_commands.Group))
    ]


def _section_of(command: RootCommand) -> Section:
    if command.name in HEROES.names:
        return HEROES
    if is_for_operators(command):
        return OPERATORS
    return ADMINS if is_for_admins(command) else MEMBERS


def _members(section: Section, commands: list[RootCommand]) -> list[RootCommand]:
    """Return the commands of a section, those that it names first."""
    order = {name: number for number, name in enumerate(section.names)}
    found = [command for command in commands if _section_of(command) is section]
    return sorted(found, key=lambda command: (order.get(command.name, len(order)), command.name))


def _is_usable(command: RootCommand, interaction: Interaction) -> bool:
    """Return whether Discord offers a command where the person asks: in a server or in direct messages."""
    installs, contexts = command.allowed_installs, command.allowed_contexts
    for_user_only = interaction.is_user_integration() and not interaction.is_guild_integration()
    if installs and for_user_only and not installs.user:
        return False
    if contexts is None:
        return True
    return bool(contexts.guild if interaction.guild_id else contexts.dm_channel or contexts.private_channel)


def _embed(
    t: Translator, sections: list[Section], usable: list[RootCommand], menus: list[str]
) -> discord.Embed:
    embed = discord.Embed(
        title=t("What this bot does"),
        description=t(
            "It describes superheroes with a small language model of its own, and trains that model on "
            "what people like. Try `/hero 40 woman healing`: an age, a gender and a power. The thumbs "
            "under a text tell the bot whether it is worth learning from; its own two, to click on, do not "
            "count."
        ),
        colour=discord.Colour.from_str(palette.MODEL),
    )
    for section in sections:
        lines = [_line(t, command) for command in _members(section, usable)]
        if section is HEROES:
            lines += [_menu_line(t, name) for name in menus]
        if lines:
            embed.add_field(name=t(section.title), value="\n".join(lines), inline=False)
    week = t("this week")  # as the option's choices call it in this language
    examples = [f"- {t(example, week=week)}" for section in sections for example in section.examples]
    embed.add_field(name=t("Examples"), value="\n".join(examples), inline=False)
    return embed


def _menu_line(t: Translator, name: str) -> str:
    """Return where a command in the menu of a message is found."""
    return t("- **{name}** In the menu of a hero's message, under Apps", name=t(name))


def _line(t: Translator, command: RootCommand) -> str:
    """Return a command, its subcommands if it has any, and what it does."""
    name = t.command_name(command.name)
    if isinstance(command, app_commands.Group):
        name += " " + ", ".join(t.command_name(each.name) for each in command.commands)
    return f"- `/{name}` {_without_remark(t(command.description))}"


def _without_remark(description: str) -> str:
    """Return a description without its "(operators)", which the title of the section says."""
    before, bracket, remark = description.rpartition(" (")
    return before if bracket and remark.endswith(")") else description
