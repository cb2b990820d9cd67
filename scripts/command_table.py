"""Write the tables of commands into README.md and docs/commands.md: `make commands`.

The commands, their options and who may use them come from the bot's own command tree.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from discord import app_commands

from bot.cli.offline import offline_bot
from bot.client import HeroBot
from bot.settings import ROOT, Settings
from cogs.common.permissions import is_for_admins, is_for_operators

EVERYONE, ADMINS, OPERATORS = "everyone", "server admins", "operators"
BEGIN, END = "<!-- commands: make commands writes this table -->", "<!-- end of commands -->"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "commands.md"


class Entry(NamedTuple):
    """A slash command, and who may use it."""

    name: str
    options: tuple[str, ...]  # those in square brackets may be left out
    who: str
    direct_messages: bool
    description: str


def commands(bot: HeroBot) -> list[Entry]:
    """Return all slash commands, by who may use them and by name."""
    entries = [_entry(command) for command in _leaves(bot)]
    return sorted(entries, key=lambda entry: ((EVERYONE, ADMINS, OPERATORS).index(entry.who), entry.name))


def _leaves(bot: HeroBot) -> Iterator[app_commands.Command[Any, ..., Any]]:
    for command in bot.tree.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command


def _entry(command: app_commands.Command[Any, ..., Any]) -> Entry:
    root = command.root_parent or command
    contexts = root.allowed_contexts
    options = (
        f"<{each.display_name}>" if each.required else f"[{each.display_name}]" for each in command.parameters
    )
    return Entry(
        command.qualified_name,
        tuple(options),
        _who(command),
        direct_messages=contexts is None or bool(contexts.dm_channel),
        description=command.description.removesuffix(" (operators)"),
    )


def _who(command: app_commands.Command[Any, ..., Any]) -> str:
    if is_for_operators(command):
        return OPERATORS
    return ADMINS if is_for_admins(command) else EVERYONE


def short_table(entries: list[Entry]) -> str:
    """Return the README's table: one row for each group of people."""
    lines = ["| who | commands |", "| --- | --- |"]
    for who in dict.fromkeys(entry.who for entry in entries):
        groups: dict[str, list[str]] = {}
        for entry in entries:
            if entry.who == who:
                root, _, rest = entry.name.partition(" ")
                groups.setdefault(root, []).append(rest)
        names = (f"`/{root}` {', '.join(rest)}".rstrip() for root, rest in groups.items())
        lines.append(f"| {who} | {' · '.join(names)} |")
    return "\n".join(lines)


def long_table(entries: list[Entry]) -> str:
    """Return the page's table: one row for each command."""
    lines = ["| command | who | also in direct messages | what it does |", "| --- | --- | --- | --- |"]
    for entry in entries:
        call = " ".join((f"/{entry.name}", *entry.options))
        lines.append(
            f"| `{call}` | {entry.who} | {'yes' if entry.direct_messages else 'no'} | {entry.description} |"
        )
    return "\n".join(lines)


def with_table(text: str, table: str) -> str:
    """Return a page with the table between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}"


def pages(bot: HeroBot) -> dict[Path, str]:
    """Return the pages as they should be."""
    entries = commands(bot)
    tables = {README: short_table(entries), PAGE: long_table(entries)}
    return {path: with_table(path.read_text(encoding="utf-8"), table) for path, table in tables.items()}


async def main() -> None:
    """Write the pages."""
    async with offline_bot(Settings(_env_file=None)) as bot:
        for path, text in pages(bot).items():
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
