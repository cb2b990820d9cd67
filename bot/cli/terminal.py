"""What the terminal prints: messages that name its own commands, markdown taken off, tables and JSON."""

import gettext
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from bot.i18n.commands import Command
from bot.i18n.message import Translator

# Discord's commands that have another name here, or none; the rest are called the same.
_NAMES = {
    "build-dataset": "dataset build",
    "dataset review": "dataset show --texts",
    "models show": "models show",
}
_ONLY_IN_DISCORD = {"duel", "top", "about", "privacy", "settings"}
_POSITIONAL = {"hero", "model", "a", "b", "name", "power"}  # options of Discord that are arguments here


def program() -> str:
    """Return what to type for `herosmith`, as this process was called: `.venv/bin/herosmith`."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_typed(Path(sys.executable))} -m bot"
    if called.name != "herosmith":  # another program that calls ours
        return "herosmith"
    found = shutil.which("herosmith")
    return "herosmith" if found and Path(found).resolve() == called.resolve() else _typed(called)


def _typed(path: Path) -> str:
    """Return a path as short as it can be typed in this folder."""
    absolute = path.absolute()
    here = Path.cwd()
    return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def terminal_syntax(command: Command, _translate: Callable[[str], str]) -> str:
    """Write a command of Discord as its like in the terminal is typed."""
    path = command.path
    if path.split()[0] in _ONLY_IN_DISCORD:
        return f"/{path} in Discord"
    words = [program(), _NAMES.get(path, path)]
    for name, value in command.options:
        text = value if value == "..." else shlex.quote(value)
        words += [text] if name in _POSITIONAL else [f"--{name}", text]
    return " ".join(words)


TERMINAL = Translator("en", gettext.NullTranslations(), syntax=terminal_syntax)
"""English, with the commands of the terminal."""


def plain(text: str) -> str:
    """Take Discord's markdown off a text."""
    for mark in ("**", "```\n", "\n```", "`"):
        text = text.replace(mark, "")
    return text.replace("-# ", "   ")


def print_json(value: Any) -> None:
    """Print a value as JSON for other programs, on one line if nobody reads along."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names with their values, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name.ljust(width)}  {_cell(value)}".rstrip())


def date_time(at: float | None) -> str | None:
    """Return a time for people, in this machine's time zone."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"


def iso_time(at: float | None) -> str | None:
    """Return a time for programs: ISO 8601, UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings. Numbers stand to the right; nothing is cut, however wide it is."""
    rows = list(rows)
    cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [any(isinstance(row[at], (int, float)) for row in rows) for at in range(len(headings))]
    for line in cells:
        aligned = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        typer.echo("  ".join(aligned).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("\n", " ")
