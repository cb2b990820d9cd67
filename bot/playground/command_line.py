"""Parse commands typed in one line: `/build-dataset limit:24`, `/hero 40 woman healing`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType
from simcord.interactions import command_leaves

from bot.playground.simulated_discord import Refused, SimulatedDiscord

_MAX_NUMBER = 2**53  # Discord's bound of numbers
_MAX_TEXT = 6000  # Discord's bound of a text in an option, in characters
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a person may call, with its options in Discord's format."""

    name: str
    description: str
    options: Sequence[Mapping[str, Any]]

    def option(self, name: str) -> Mapping[str, Any]:
        return next(option for option in self.options if option["name"] == name)

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
        raise Refused(
            f"There is no command {typed} for you. Type / to see which there are; operators have more."
        )
    values: dict[str, Any] = {}
    for option_name, text in command.split_options(
        typed.removeprefix("/").removeprefix(command.name).strip()
    ):
        name = option_name or command.free_text_option
        if name is None:
            raise Refused(_option_error(command, text))
        values[name] = _parse_value(command.option(name), text.strip(), mentionable)
    for option in command.options:
        if option.get("required") and option["name"] not in values:
            raise Refused(f"/{command.name} also needs {option['name']} ({option['description']}).")
    return command.name, values


def is_complete(typed: str, known: Sequence[Command]) -> bool:
    """Return whether a line can be sent as it is: a message, or a command with all that it needs."""
    if not typed.startswith("/"):
        return True
    try:
        parse_command(typed.strip(), known, _Anything())
    except Refused:
        return False
    return True


class _Anything(dict[str, Any]):
    """Knows every name: whether somebody is mentionable is said when the line is sent."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


def _parse_value(option: Mapping[str, Any], text: str, mentionable: Mapping[str, Any]) -> Any:
    if not text:
        raise Refused(f"Nothing stands after {option['name']}: ({option['description']}).")
    if choices := option.get("choices"):
        return _parse_choice(option, text, choices)
    match option["type"]:
        case OptionType.USER | OptionType.CHANNEL | OptionType.MENTIONABLE:
            if text not in mentionable:
                raise Refused(f"{option['name']} is one of {', '.join(mentionable)}, not {text}.")
            return mentionable[text]
        case OptionType.BOOLEAN:
            if text.lower() not in _BOOLEANS:
                raise Refused(f"{option['name']} is true or false, not {text}.")
            return _BOOLEANS[text.lower()]
        case OptionType.INTEGER | OptionType.NUMBER:
            return _parse_number(option, text)
        case _:
            return _parse_text(option, text)


def _parse_choice(option: Mapping[str, Any], text: str, choices: Sequence[Mapping[str, Any]]) -> Any:
    for choice in choices:
        if text in (choice["name"], str(choice["value"])):
            return choice["value"]
    names = ", ".join(str(choice["name"]) for choice in choices)
    raise Refused(f"{option['name']} is one of {names}, not {text}.")


def _parse_number(option: Mapping[str, Any], text: str) -> int | float:
    whole = option["type"] == OptionType.INTEGER
    kind = "a whole number" if whole else "a number"
    least, most = option.get("min_value"), option.get("max_value")
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = None
    if value is None or not _within(value, least, most):
        raise Refused(f"{option['name']} is {kind}{_bounds_text(least, most)}, not {text}.")
    return value


def _bounds_text(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" of at most {most:,}"
    return f" of at least {least:,}" if most is None else f" from {least:,} to {most:,}"


def _within(value: float, least: float | None, most: float | None) -> bool:
    """Return whether a number lies in an option's bounds, and in those of Discord."""
    lower = -_MAX_NUMBER if least is None else least
    upper = _MAX_NUMBER if most is None else most
    return lower <= value <= upper  # nan does not


def _parse_text(option: Mapping[str, Any], text: str) -> str:
    least, most = option.get("min_length", 0), option.get("max_length", _MAX_TEXT)
    if not least <= len(text) <= most:
        raise Refused(f"{option['name']} has {least} to {most} characters, not {len(text)}.")
    return text


def _option_error(command: Command, text: str) -> str:
    if not command.options:
        return f"/{command.name} takes no options."
    known = ", ".join(option["name"] for option in command.options)
    return f"Options are typed as name:value, not {text.strip()}. /{command.name} has {known}."
