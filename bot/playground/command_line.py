"""Commands as they are typed in one line: `/build-dataset limit:24`, `/hero 40 woman healing`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType
from simcord.interactions import command_leaves, parse_option_input

from bot.playground.simulated_discord import Refused, SimulatedDiscord

_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a person may call it; its options as Discord describes them."""

    name: str
    description: str
    options: Sequence[Mapping[str, Any]]

    @property
    def free(self) -> str | None:
        """The option that a text without any option's name fills: the only required one, if it takes text."""
        required = [option for option in self.options if option.get("required")]
        if len(required) == 1 and required[0]["type"] == OptionType.STRING:
            return str(required[0]["name"])
        return None

    def split(self, typed: str) -> list[tuple[str | None, str]]:
        """What was typed after the name: pairs of an option's name and its text, None before any."""
        names = "|".join(re.escape(option["name"]) for option in self.options)
        parts = re.split(rf"(?:^|(?<=\s))({names}):", typed) if names else [typed]
        first: list[tuple[str | None, str]] = [(None, parts[0])] if parts[0].strip() else []
        return [*first, *zip(parts[1::2], parts[2::2], strict=True)]


def commands_of(person: simcord.MemberActor, world: SimulatedDiscord) -> list[Command]:
    """The commands that a person sees, subcommands each by their full name."""
    visible = world.env.backend.visible_commands(user_id=person.id, channel_id=world.channel.id)
    return [
        Command(" ".join(path), leaf.get("description", ""), leaf.get("options") or [])
        for command in visible
        for path, leaf in command_leaves(command)
    ]


def find(typed: str, known: Sequence[Command]) -> Command | None:
    """The command that a line calls, a longer name before a shorter one."""
    line = f"{typed.removeprefix('/')} "
    fitting = (each for each in known if line.startswith(f"{each.name} "))
    return max(fitting, key=lambda each: len(each.name), default=None)


def read(typed: str, known: Sequence[Command], named: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A command's name and its options' values. Raises Refused in words.

    `named` holds who and what can be mentioned: people as @name, the channel as #name.
    """
    command = find(typed, known)
    if command is None:
        raise Refused(f"There is no command {typed} for you. Type / to see which there are.")
    values: dict[str, Any] = {}
    for option_name, text in command.split(typed.removeprefix("/").removeprefix(command.name).strip()):
        name = option_name or command.free
        if name is None:
            raise Refused(_misread(command, text))
        option = next(each for each in command.options if each["name"] == name)
        try:
            values[name] = _value(command.name, option, text.strip(), named)
        except simcord.OptionError as error:
            raise Refused(f"{error}.") from error
    return command.name, values


def _value(command: str, option: Mapping[str, Any], text: str, named: Mapping[str, Any]) -> Any:
    for choice in option.get("choices") or []:
        if text == choice["name"]:
            return choice["value"]
    if option["type"] in (OptionType.USER, OptionType.CHANNEL, OptionType.MENTIONABLE):
        if text not in named:
            raise Refused(f"{option['name']} is one of {', '.join(named)}, not {text or 'empty'}.")
        return named[text]
    if option["type"] == OptionType.BOOLEAN:
        return parse_option_input(command, dict(option), _TRUTHS.get(text.lower(), text))
    return parse_option_input(command, dict(option), text)


def _misread(command: Command, text: str) -> str:
    if not command.options:
        return f"/{command.name} takes no options."
    known = ", ".join(option["name"] for option in command.options)
    return f"Options are typed as name:value, not {text.strip()}. /{command.name} has {known}."
