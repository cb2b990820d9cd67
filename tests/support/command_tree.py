"""The terminal's commands, by the words that are typed for them."""

from typing import Any

import typer

from bot.command_line import cli


def _leaves(command: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    members = getattr(command, "commands", {})
    found = {} if members else {" ".join(path): command}
    for name, member in members.items():
        found |= _leaves(member, (*path, name))
    return found


LEAVES = _leaves(typer.main.get_command(cli))
"""Each command that is no group, such as `dataset list`."""
