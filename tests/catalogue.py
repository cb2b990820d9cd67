"""What is to be translated: sentences in the source, names and descriptions of commands."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from babel.messages.extract import extract
from discord import app_commands

from bot.errors import UserError
from bot.settings import ROOT

# `python -m bot`, for whoever is at the terminal, speaks English; so do the checks of files that it makes
_TERMINAL = (
    "bot/terminal/",
    "bot/dataset/check/",
    "bot/dataset/exchange/",
    "bot/demo.py",
    "bot/playground/",
)


def _errors(of: type[UserError] = UserError) -> Iterator[str]:
    yield of.__name__
    for each in of.__subclasses__():
        yield from _errors(each)


def sentences() -> dict[str | tuple[str, str], str]:
    """Every sentence that is said to people in Discord, with where it stands; two forms where it counts."""
    keywords: dict[str, Any] = {"say": None, "later": None, "count": (1, 2), **dict.fromkeys(_errors())}
    found = {}
    for folder in ("bot", "cogs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if name.startswith(_TERMINAL):
                continue
            source = file.read_bytes().replace(b"run.say(", b"run(")  # what a job's row says, in English
            for line, message, _, _ in extract("python", BytesIO(source), keywords):
                key = message if isinstance(message, str) else (message[0], message[1])
                found[key] = f"{name}:{line}"
    return found


def names_and_descriptions(tree: app_commands.CommandTree[Any]) -> tuple[set[str], set[str]]:
    """What commands and options are called, and what is said of them."""
    names, descriptions = set(), set()
    for command in tree.walk_commands():
        names.add(command.name)
        descriptions.add(command.description)
        if isinstance(command, app_commands.Command):
            for parameter in command.parameters:
                names.add(parameter.display_name)
                descriptions.add(str(parameter.description))
    return names, descriptions


def fields(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)[^}]*\}", sentence))
