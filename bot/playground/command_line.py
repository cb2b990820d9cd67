"""Parse commands typed in one line: `/build-dataset limit:24`, `/hero 40 woman healing`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType
from simcord.interactions import command_leaves, parse_option_input

from bot.playground.simulated_discord import Refused, SimulatedDiscord

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a person may call, with its options in Discord's format."""

    name: str
    description: str
    options: Sequence[Mapping[str, Any]]

    @property
    def free_text_option(self) -> str | None:
        """Return the option that text without an option name fills: the only required one, if a string."""
        required = [option for option in self.options if option.get("required")]
        if len(required) == 1 and required[0]["type"] == OptionType.STRING:
            return str(required[0]["name"])
        return None

    def split_options(self, typed: str) -> list[tuple[str | None, str]]:
        """Split what follows the command's name into pairs of option name and text.

        The name is None for text before the first option name.
        """
        names = "|".join(re.escape(option["name"]) for option in self.options)
        parts = re.split(rf"(?:^|(?<=\s))({names}):", typed) if names else [typed]
        first: list[tuple[str | None, str]] = [(None, parts[0])] if parts[0].strip() else []
        return [*first, *zip(parts[1::2], parts[2::2], strict=True)]


def visible_commands(person: simcord.MemberActor, world: SimulatedDiscord) -> list[Command]:
    """Return the commands that a person sees, subcommands under their full names."""
    visible = world.env.backend.visible_commands(user_id=person.id, channel_id=world.channel.id)
    return [
        Command(" ".join(path), leaf.get("description", ""), leaf.get("options") or [])
        for command in visible
        for path, leaf in command_leaves(command)
    ]


def find_command(typed: str, known: Sequence[Command]) -> Command | None:
    """Return the command that a line calls: the one with the longest matching name."""
    line = f"{typed.removeprefix('/')} "
    matching = (command for command in known if line.startswith(f"{command.name} "))
    return max(matching, key=lambda command: len(command.name), default=None)


def parse_command(
    typed: str, known: Sequence[Command], mentionable: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return a command's name and its options' values. Raise Refused with the reason if they are invalid.

    mentionable: people by @name, and the channel by #name.
    """
    command = find_command(typed, known)
    if command is None:
        raise Refused(f"There is no command {typed} for you. Type / to see which there are.")
    values: dict[str, Any] = {}
    for option_name, text in command.split_options(
        typed.removeprefix("/").removeprefix(command.name).strip()
    ):
        name = option_name or command.free_text_option
        if name is None:
            raise Refused(_option_error(command, text))
        option = next(option for option in command.options if option["name"] == name)
        try:
            values[name] = _parse_value(command.name, option, text.strip(), mentionable)
        except simcord.OptionError as error:
            raise Refused(f"{error}.") from error
    return command.name, values


def _parse_value(command: str, option: Mapping[str, Any], text: str, mentionable: Mapping[str, Any]) -> Any:
    for choice in option.get("choices") or []:
        if text == choice["name"]:
            return choice["value"]
    if option["type"] in (OptionType.USER, OptionType.CHANNEL, OptionType.MENTIONABLE):
        if text not in mentionable:
            raise Refused(f"{option['name']} is one of {', '.join(mentionable)}, not {text or 'empty'}.")
        return mentionable[text]
    if option["type"] == OptionType.BOOLEAN:
        return parse_option_input(command, dict(option), _BOOLEANS.get(text.lower(), text))
    return parse_option_input(command, dict(option), text)


def _option_error(command: Command, text: str) -> str:
    if not command.options:
        return f"/{command.name} takes no options."
    known = ", ".join(option["name"] for option in command.options)
    return f"Options are typed as name:value, not {text.strip()}. /{command.name} has {known}."
