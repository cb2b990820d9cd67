"""What could be typed next: commands, their options, and the values that the bot itself proposes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType

from bot.playground.command_line import Command, commands_of, find
from bot.playground.simulated_discord import Refused, SimulatedDiscord

_NUMBERS = (OptionType.INTEGER, OptionType.NUMBER)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line to take over whole, and what stands in the list for it."""

    line: str
    label: str
    hint: str = ""


async def suggest(typed: str, person: simcord.MemberActor, world: SimulatedDiscord) -> list[Suggestion]:
    """How a typed line may go on."""
    if not typed.startswith("/"):
        return []
    known = commands_of(person, world)
    command = find(typed, known)
    longer = [each for each in known if each.name.startswith(typed[1:].lstrip())]
    if command is None or (not typed.endswith(" ") and typed[1:] == command.name and len(longer) > 1):
        return [_of_command(each) for each in longer]
    head = f"/{command.name}"
    rest = typed[len(head) :]
    if not rest:
        return [_of_command(command)]
    parts = command.split(rest.lstrip())
    option_name, text = parts[-1] if parts else (None, "")
    name = option_name or command.free
    if name is None or _is_finished(command, name, text):
        return _options(command, typed, {each for each, _ in parts if each})
    before = typed[: len(typed) - len(text)] if text else typed
    filled = {each: value.strip() for each, value in parts[:-1] if each}
    return await _values(command, name, text.lstrip(), filled, before=before, person=person, world=world)


def _of_command(command: Command) -> Suggestion:
    return Suggestion(f"/{command.name} ", f"/{command.name}", command.description)


def _is_finished(command: Command, name: str, text: str) -> bool:
    """Whether an option's value ends where the line does: a space follows, and it takes no words."""
    option = _option(command, name)
    return (
        text.endswith(" ") and bool(text.strip()) and name != command.free and not option.get("autocomplete")
    )


def _options(command: Command, typed: str, used: set[str]) -> list[Suggestion]:
    """The options that are left, by the word that is being typed."""
    word = re.search(r"\S*$", typed)
    begun = word.group() if word else ""
    before = typed[: len(typed) - len(begun)]
    return [
        Suggestion(f"{before}{option['name']}:", f"{option['name']}:", option.get("description", ""))
        for option in command.options
        if option["name"] not in used and option["name"].startswith(begun)
    ]


async def _values(
    command: Command,
    name: str,
    text: str,
    filled: Mapping[str, str],
    *,
    before: str,
    person: simcord.MemberActor,
    world: SimulatedDiscord,
) -> list[Suggestion]:
    option = _option(command, name)
    if option.get("autocomplete"):
        choices = await _autocomplete(command, option, text, filled, person, world)
    elif option["type"] == OptionType.BOOLEAN:
        choices = _matching(text, [{"name": each, "value": each} for each in ("true", "false")])
    else:
        choices = _matching(text, option.get("choices") or [])
    return [Suggestion(f"{before}{choice['value']}", str(choice["name"])) for choice in choices]


async def _autocomplete(
    command: Command,
    option: Mapping[str, Any],
    text: str,
    filled: Mapping[str, str],
    person: simcord.MemberActor,
    world: SimulatedDiscord,
) -> Sequence[Mapping[str, Any]]:
    """What the bot proposes; nothing where it says nothing in time, as on Discord."""
    others = {
        each["name"]: int(filled[each["name"]]) if each["type"] in _NUMBERS else filled[each["name"]]
        for each in command.options
        if each["name"] in filled and (each["type"] not in _NUMBERS or filled[each["name"]].isdecimal())
    }
    typing = person.autocomplete(world.channel, command.name, option["name"], text, **others)
    try:
        asked = await world.act(typing)
        return (await world.answer(asked)).autocomplete_choices or [] if asked else []
    except Refused:
        return []


def _matching(text: str, choices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [choice for choice in choices if str(choice["name"]).lower().startswith(text.lower())]


def _option(command: Command, name: str) -> Mapping[str, Any]:
    return next(each for each in command.options if each["name"] == name)
