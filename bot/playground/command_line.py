"""Parse commands typed in one line: `/build-dataset limit:24`, `/hero 40 woman healing`.

Commands and options have the names of the page's language, as in Discord; English ones are understood, too.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simcord
from simcord.enums import OptionType
from simcord.interactions import command_leaves

from bot.errors import Refused
from bot.i18n.message import LocalizedMessage, Translator
from bot.playground.simulated_discord import OPERATOR, SimulatedDiscord

_MAX_NUMBER = 2**53  # Discord's bound of numbers
_MAX_TEXT = 6000  # Discord's bound of a text in an option, in characters
_FOR_OPERATORS = " (operators)"  # ends the English descriptions of their commands and groups
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a person may call, with its options in Discord's format.

    path: its English name, by which the bot knows it; name: that in the page's language. An option has both,
    too: `key` and `name`. for_operators: the description says so, as it does to whoever picks it in Discord.
    """

    path: str
    name: str
    description: str
    options: Sequence[Mapping[str, Any]]
    for_operators: bool = False

    def option(self, name: str) -> Mapping[str, Any]:
        """Return the option that has a name in either language."""
        return next(option for option in self.options if name in (option["name"], option["key"]))

    def options_in(self, line: str) -> str | None:
        """Return what follows the command's name in a line, with blanks; None if it calls another one."""
        typed = line.removeprefix("/")
        names = (name for name in (self.name, self.path) if f"{typed} ".startswith(f"{name} "))
        return next((typed[len(name) :] for name in names), None)

    @property
    def free_text_option(self) -> str | None:
        """Return the option that text without an option name fills, if a string.

        It is the only required one, or the only one at all.
        """
        required = [option for option in self.options if option.get("required")] or self.options
        if len(required) == 1 and required[0]["type"] == OptionType.STRING:
            return str(required[0]["name"])
        return None

    def split_options(self, typed: str) -> list[tuple[str | None, str]]:
        """Split what follows the command's name into pairs of option name and text.

        The name is None for text before the first option name.
        """
        names = "|".join(re.escape(option[name]) for option in self.options for name in ("name", "key"))
        parts = re.split(rf"(?:^|(?<=\s))({names}):", typed) if names else [typed]
        first: list[tuple[str | None, str]] = [(None, parts[0])] if parts[0].strip() else []
        return [*first, *zip(parts[1::2], parts[2::2], strict=True)]


def visible_commands(person: simcord.MemberActor, world: SimulatedDiscord, t: Translator) -> list[Command]:
    """Return the commands that a person sees in a language, subcommands under their full names.

    They are in the order of their names in that language; subcommands are as their group has them.
    """
    visible = world.env.backend.visible_commands(user_id=person.id, channel_id=world.channel.id)
    found = [
        Command(
            " ".join(path),
            " ".join(map(t.command_name, path)),
            _localized(leaf, "description", t),
            [_localized_option(option, t) for option in leaf.get("options") or []],
            for_operators=command["description"].endswith(_FOR_OPERATORS),
        )
        for command in visible
        for path, leaf in command_leaves(command)
    ]
    return sorted(found, key=lambda command: _sort_key(command.name.split()[0]))


def _sort_key(name: str) -> str:
    """Return a name as dictionaries sort it: "kräfte" beside "krafte"."""
    return "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char))


def _localized(described: Mapping[str, Any], what: str, t: Translator) -> str:
    """Return a name or description in a language, as the bot registered it."""
    return str((described.get(f"{what}_localizations") or {}).get(t.code) or described.get(what, ""))


def _localized_option(option: Mapping[str, Any], t: Translator) -> Mapping[str, Any]:
    texts = {what: _localized(option, what, t) for what in ("name", "description")}
    choices = [{**each, "name": _localized(each, "name", t)} for each in option.get("choices") or ()]
    return {**option, **texts, "key": option["name"], **({"choices": choices} if choices else {})}


def find_command(typed: str, known: Sequence[Command]) -> Command | None:
    """Return the command that a line calls: the one with the longest matching name."""
    found = {command.path: rest for command in known if (rest := command.options_in(typed)) is not None}
    path = min(found, key=lambda each: len(found[each]), default=None)
    return next((command for command in known if command.path == path), None)


def parse_command(
    typed: str, known: Sequence[Command], mentionable: Mapping[str, Any], hidden: Sequence[Command] = ()
) -> tuple[str, dict[str, Any]]:
    """Return a command's path and its options' values. Raise Refused with the reason if they are invalid.

    mentionable: people and roles by @name, and the channel by #name; hidden: commands that only an operator
    sees.
    """
    command = find_command(typed, known)
    if command is None:
        raise _unknown_command_error(typed, known, hidden)
    values: dict[str, Any] = {}
    for option_name, text in command.split_options((command.options_in(typed) or "").strip()):
        name = option_name or command.free_text_option
        if name is None:
            raise _option_error(command, text)
        option = command.option(name)
        values[option["key"]] = _parse_value(option, text.strip(), mentionable)
    for option in command.options:
        if option.get("required") and option["key"] not in values:
            raise Refused(
                "/{command} also needs {name} ({description}).",
                command=command.name,
                name=option["name"],
                description=option["description"],
            )
    return command.path, values


def _unknown_command_error(typed: str, known: Sequence[Command], hidden: Sequence[Command]) -> Refused:
    """Return what a line that calls none of the known commands calls instead, if anything."""
    if of_operators := find_command(typed, hidden):
        return _hidden_error(of_operators.name, of_operators)
    group, parts = _find_group(typed, known)
    if parts:
        return Refused(
            "{typed} is several commands: {parts}.",
            typed=f"/{group}",
            parts=", ".join(f"/{each.name}" for each in parts),
        )
    group, parts = _find_group(typed, hidden)
    if parts:
        return _hidden_error(group, parts[0])
    return Refused(
        "There is no command {typed}. /help lists the commands, and so does typing / alone.",
        typed=typed.split(maxsplit=1)[0],
    )


def _hidden_error(name: str, command: Command) -> Refused:
    """Return whose command a line calls. name: as it was called, also of a whole group."""
    if command.for_operators:
        return Refused(
            "/{name} is a command of operators: become {operator} above to use it.",
            name=name,
            operator=OPERATOR,
        )
    return Refused(
        "/{name} is a command of server admins: become {operator} above to use it.",
        name=name,
        operator=OPERATOR,
    )


def _find_group(typed: str, commands: Sequence[Command]) -> tuple[str, list[Command]]:
    """Return the longest name of several commands with which a line begins, and these commands."""
    words = typed.removeprefix("/").split()
    for count in range(len(words), 0, -1):
        group = " ".join(words[:count])
        start = f"{group} "
        if found := [each for each in commands if each.name.startswith(start) or each.path.startswith(start)]:
            return group, found
    return "", []


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
        raise Refused(
            "There is nothing after {name}: ({description}).",
            name=option["name"],
            description=option["description"],
        )
    if choices := option.get("choices"):
        return _parse_choice(option, text, choices)
    match option["type"]:
        case OptionType.USER | OptionType.CHANNEL | OptionType.ROLE | OptionType.MENTIONABLE:
            if text not in mentionable:
                raise _not_one_of(option, list(mentionable), text)
            return mentionable[text]
        case OptionType.BOOLEAN:
            if text.lower() not in _BOOLEANS:
                raise Refused("{name} is true or false, not {text}.", name=option["name"], text=text)
            return _BOOLEANS[text.lower()]
        case OptionType.INTEGER | OptionType.NUMBER:
            return _parse_number(option, text)
        case _:
            return _parse_text(option, text)


def _parse_choice(option: Mapping[str, Any], text: str, choices: Sequence[Mapping[str, Any]]) -> Any:
    for choice in choices:
        if text in (choice["name"], str(choice["value"])):
            return choice["value"]
    raise _not_one_of(option, [str(choice["name"]) for choice in choices], text)


def _not_one_of(option: Mapping[str, Any], names: list[str], text: str) -> Refused:
    return Refused("{name} is one of {names}, not {text}.", name=option["name"], names=names, text=text)


def _parse_number(option: Mapping[str, Any], text: str) -> int | float:
    whole = option["type"] == OptionType.INTEGER
    least, most = option.get("min_value"), option.get("max_value")
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = None
    if value is None or not _within(value, least, most):
        raise Refused(
            "{name} is {number}, not {text}.",
            name=option["name"],
            number=_number_text(least, most, whole=whole),
            text=text,
        )
    return value


def _number_text(least: float | None, most: float | None, *, whole: bool) -> LocalizedMessage:
    """Return which numbers are right: in words, for after `is`."""
    kind = LocalizedMessage("a whole number") if whole else LocalizedMessage("a number")
    if least is None and most is None:
        return kind
    if least is None:
        return LocalizedMessage("{kind} of at most {most:,}", kind=kind, most=most)
    if most is None:
        return LocalizedMessage("{kind} of at least {least:,}", kind=kind, least=least)
    return LocalizedMessage("{kind} from {least:,} to {most:,}", kind=kind, least=least, most=most)


def _within(value: float, least: float | None, most: float | None) -> bool:
    """Return whether a number lies in an option's bounds, and in those of Discord."""
    lower = -_MAX_NUMBER if least is None else least
    upper = _MAX_NUMBER if most is None else most
    return lower <= value <= upper  # nan does not


def _parse_text(option: Mapping[str, Any], text: str) -> str:
    least, most = option.get("min_length", 0), option.get("max_length", _MAX_TEXT)
    if not least <= len(text) <= most:
        raise Refused(
            "{name} has {least} to {most} characters, not {number}.",
            name=option["name"],
            least=least,
            most=most,
            number=len(text),
        )
    return text


def _option_error(command: Command, text: str) -> Refused:
    if not command.options:
        return Refused("/{command} takes no options.", command=command.name)
    return Refused(
        "Options are typed as name:value, not {text}. /{command} has {names}.",
        text=text.strip(),
        command=command.name,
        names=[option["name"] for option in command.options],
    )
