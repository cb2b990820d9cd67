"""Commands of ours within messages: each surface, Discord or terminal, writes them in its own way."""

import re
from collections.abc import Callable
from dataclasses import dataclass

ONLY_IN_TERMINAL = {"dataset export", "dataset list", "jobs list", "tune"}
_BEFORE_OPTION = re.compile(r" (?=[a-z-]+:)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as Discord has it, such as `/models compare a:3`: its path, and its options with values."""

    text: str

    def with_value(self, value: str) -> "Command":
        """Return the command with the value of its last option, which stands after the colon of a field."""
        return Command(f"{self.text}:{value}") if value else self

    @property
    def path(self) -> str:
        """Its name, after those of its groups: `models compare`."""
        return _BEFORE_OPTION.split(self.text)[0].removeprefix("/")

    @property
    def options(self) -> list[tuple[str, str]]:
        """Names of options with their values."""
        parts = (part.partition(":") for part in _BEFORE_OPTION.split(self.text)[1:])
        return [(name, value) for name, _, value in parts]


CommandSyntax = Callable[[Command, Callable[[str], str]], str]
"""Writes a command; the second argument translates the name of a command or option."""


def discord_syntax(command: Command, translate: Callable[[str], str]) -> str:
    """Write a command as it is typed in Discord, with its names in the reader's language."""
    if command.path in ONLY_IN_TERMINAL:
        return f"herosmith {command.path}"
    path = " ".join(map(translate, command.path.split()))
    # one that has nothing but a hero reads well without its option's name, and is understood so
    options = (value if name == "hero" else f"{translate(name)}:{value}" for name, value in command.options)
    return " ".join([f"/{path}", *options])
