"""Completions of a typed line: commands, their options, and values, also from the bot's autocomplete."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType

from bot.errors import Refused
from bot.i18n.message import Translator
from bot.playground.command_line import Command, find_command, visible_commands
from bot.playground.simulated_discord import SimulatedDiscord

_NUMBER_TYPES = (OptionType.INTEGER, OptionType.NUMBER)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completed line, with its label and hint in the list."""

    line: str
    label: str
    hint: str = ""


async def suggest(
    typed: str, person: simcord.MemberActor, world: SimulatedDiscord, t: Translator
) -> list[Suggestion]:
    """Return the completions of a typed line."""
    if not typed.startswith("/"):
        return []
    known = visible_commands(person, world, t)
    command = find_command(typed, known)
    matching = _beginning_with(typed[1:].lstrip(), known)
    rest = command.options_in(typed) if command else None
    if command is None or (not rest and len(matching) > 1):
        return [_command_suggestion(other) for other in matching]
    if not rest:
        return [_command_suggestion(command)]
    parts = command.split_options(rest.lstrip())
    option_name, text = parts[-1] if parts else (None, "")
    name = option_name or command.free_text_option
    if name is None or _is_finished(command, name, text):
        return _option_suggestions(command, typed, {name for name, _ in parts if name})
    before = typed[: len(typed) - len(text)] if text else typed
    filled = {command.option(name)["key"]: value.strip() for name, value in parts[:-1] if name}
    return await _value_suggestions(
        command, name, text.lstrip(), filled, before=before, person=person, world=world
    )


def _beginning_with(word: str, known: Sequence[Command]) -> list[Command]:
    """Return the commands whose names begin so, or else those whose English names do."""
    matching = [command for command in known if command.name.startswith(word)]
    return matching or [command for command in known if command.path.startswith(word)]


def _command_suggestion(command: Command) -> Suggestion:
    return Suggestion(f"/{command.name} ", f"/{command.name}", command.description)


def _is_finished(command: Command, name: str, text: str) -> bool:
    """Whether an option's value is complete: a space follows, and the value cannot contain spaces."""
    option = command.option(name)
    return (
        text.endswith(" ")
        and bool(text.strip())
        and name != command.free_text_option
        and not option.get("autocomplete")
    )


def _option_suggestions(command: Command, typed: str, used: set[str]) -> list[Suggestion]:
    """Return the unused options that begin with the word being typed."""
    word = re.search(r"\S*$", typed)
    prefix = word.group() if word else ""
    before = typed[: len(typed) - len(prefix)]
    return [
        Suggestion(f"{before}{option['name']}:", f"{option['name']}:", option.get("description", ""))
        for option in command.options
        if not {option["name"], option["key"]} & used and option["name"].startswith(prefix)
    ]


async def _value_suggestions(
    command: Command,
    name: str,
    text: str,
    filled: Mapping[str, str],
    *,
    before: str,
    person: simcord.MemberActor,
    world: SimulatedDiscord,
) -> list[Suggestion]:
    option = command.option(name)
    if option.get("autocomplete"):
        choices = await _autocomplete(command, option, text, filled, person, world)
    elif option["type"] == OptionType.BOOLEAN:
        choices = _matching_choices(text, [{"name": value, "value": value} for value in ("true", "false")])
    else:
        choices = _matching_choices(text, option.get("choices") or [])
    return [Suggestion(f"{before}{choice['value']}", str(choice["name"])) for choice in choices]


async def _autocomplete(
    command: Command,
    option: Mapping[str, Any],
    text: str,
    filled: Mapping[str, str],
    person: simcord.MemberActor,
    world: SimulatedDiscord,
) -> Sequence[Mapping[str, Any]]:
    """Return the bot's choices, or none if it does not answer in time, as in Discord."""
    others = {
        other["key"]: int(filled[other["key"]]) if other["type"] in _NUMBER_TYPES else filled[other["key"]]
        for other in command.options
        if other["key"] in filled and (other["type"] not in _NUMBER_TYPES or filled[other["key"]].isdecimal())
    }
    typing = person.autocomplete(world.channel, command.path, option["key"], text, **others)
    try:
        interaction = await world.act(typing)
        return (await world.wait_for_answer(interaction)).autocomplete_choices or [] if interaction else []
    except Refused:
        return []


def _matching_choices(text: str, choices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [choice for choice in choices if str(choice["name"]).lower().startswith(text.lower())]
