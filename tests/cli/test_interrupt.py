"""Ctrl-C while a command starts: whatever is being loaded, the process ends silently."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT


def interrupted(
    module: str, *command: str, data: Path, ignored: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run a command that gets Ctrl-C at the moment at which it begins to load a module."""
    probe = f"""
import os, signal, sys
sys.argv = ["herosmith", *{list(command)!r}]
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            print("interrupted", flush=True)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
signal.signal(signal.SIGINT, signal.{"SIG_IGN" if ignored else "default_int_handler"})
from bot.__main__ import main
main()
"""
    return subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("bot.command_line", ["--help"]),
        ("typer", ["--help"]),
        ("pydantic_settings", ["models", "list"]),
        ("bot.cli.tune", ["run"]),
        ("bot.app", ["models", "list"]),
        ("sqlalchemy", ["jobs", "list"]),
        ("bot.cli.lint", ["dataset", "check", "examples/heroes.csv"]),
        ("pandas", ["dataset", "check", "examples/heroes.csv"]),
        ("bot.cli.own_engine", ["chat", "--list"]),
        ("openai", ["tune", "examples/questions.csv"]),
    ],
)
def test_the_process_ends_silently_whatever_it_loads(module: str, command: list[str], tmp_path: Path) -> None:
    ended = interrupted(module, *command, data=tmp_path)
    assert ended.stdout.endswith("interrupted\n"), "it goes on"
    assert (ended.stderr, ended.returncode) == ("", 128 + signal.SIGINT)


def test_a_signal_that_the_shell_has_it_ignore_stays_ignored(tmp_path: Path) -> None:
    ended = interrupted("typer", "--version", data=tmp_path, ignored=True)
    assert ended.returncode == 0
    assert ended.stdout.startswith("interrupted\nherosmith ")
