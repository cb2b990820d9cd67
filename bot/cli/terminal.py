"""What the terminal prints: messages that name its own commands, markdown taken off, tables and JSON."""

import gettext
import json
import re
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
    "people reset-quota": "people reset",
}
# options that make another command here
_NAMES_OF_VALUES = {("kind", "preference"): "dataset pairs", ("kind", "thumbs"): "dataset thumbs"}
_ONLY_IN_DISCORD = {
    *("about", "card", "duel", "help", "heroes", "privacy"),
    *("quota", "season", "settings", "story", "team", "top"),
}
_POSITIONAL = {
    "hero",
    "model",
    "a",
    "b",
    "name",
    "power",
    "file",
}  # options of Discord that are arguments here
_MENTION = re.compile(r"<@!?(\d+)>")


def program() -> str:
    """Return what to type for `herosmith` in this folder: `.venv/bin/herosmith`.

    A program of another folder is named without its path: hints stay readable, and its user knows where it
    lies.
    """
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_typed(Path(sys.executable))} -m bot"
    return _typed(called) if called.name == "herosmith" else "herosmith"  # or another program calls ours


def own_models_hint() -> str:
    """Return where to look for what `tune` trains: lists of heroes' models and jobs do not know it."""
    return f"What {program()} tune trains is in {program()} chat --list."


def _typed(path: Path) -> str:
    found = shutil.which(path.name)
    on_path = found is not None and Path(found).resolve() == path.resolve()
    return path.name if on_path or not _is_below_here(path) else shlex.quote(shown(path))


def shown(path: Path) -> str:
    """Return a path for people: relative to this folder if it lies below it."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if _is_below_here(path) else absolute)


def _is_below_here(path: Path) -> bool:
    return path.absolute().is_relative_to(Path.cwd())


def terminal_syntax(command: Command, _translate: Callable[[str], str]) -> str:
    """Write a command of Discord as its like in the terminal is typed."""
    path = command.path
    if path.split()[0] in _ONLY_IN_DISCORD:
        return f"/{path} in Discord"
    named = next(filter(None, map(_NAMES_OF_VALUES.get, command.options)), None)
    if named:
        return f"{program()} {named}"
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
    return _MENTION.sub(r"Discord user \1", text).replace("-# ", "   ")


def print_json(value: Any, *, on_one_line: bool = False) -> None:
    """Print a value as JSON for other programs, on one line if nobody reads along, or if it has to be."""
    indent = 2 if sys.stdout.isatty() and not on_one_line else None
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


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
