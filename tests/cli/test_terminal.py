"""What the terminal prints: its own commands, tables, JSON, versions, help."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bot.__main__ import cli
from bot.cli.terminal import TERMINAL, plain, print_fields, print_table, program
from bot.i18n.message import LocalizedMessage
from tests.cli.conftest import RunCommand
from tests.i18n.catalogue import commands


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        ("/there/.venv/bin/herosmith", "/there/.venv/bin/herosmith"),
        ("{here}/.venv/bin/herosmith", ".venv/bin/herosmith"),
        ("{here}/my bot/herosmith", "'my bot/herosmith'"),
        ("/usr/lib/pytest", "herosmith"),
    ],
)
def test_commands_are_named_as_this_process_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, typed: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called.format(here=tmp_path)])
    assert program() == typed
    assert TERMINAL("{/finetune}") == f"{typed} finetune"


def test_a_program_on_the_path_is_named_shortly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "bin" / "herosmith"
    installed.parent.mkdir()
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert program() == "herosmith"


def test_a_module_is_named_with_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bot/__main__.py"])
    assert program().endswith(" -m bot")
    assert Path(program().removesuffix(" -m bot")).exists()


@pytest.mark.parametrize(
    ("template", "fields", "typed"),
    [
        ("Run {/build-dataset}.", {}, "Run herosmith dataset build."),
        ("`{/finetune dataset:{version}}`", {"version": 3}, "`herosmith finetune --dataset 3`"),
        ("{/models compare a:{n}}", {"n": 2}, "herosmith models compare 2"),
        ("{/models deployed model:{n} name:...}", {"n": 2}, "herosmith models deployed 2 ..."),
        ("{/hero hero:{hero}}", {"hero": "40 woman ice"}, "herosmith hero '40 woman ice'"),
        ("{/hero hero:{hero}}", {"hero": "$(x) 'y'"}, """herosmith hero '$(x) '"'"'y'"'"''"""),
        ("{/duel}", {}, "/duel in Discord"),
    ],
)
def test_a_message_names_the_terminals_commands(template: str, fields: dict[str, object], typed: str) -> None:
    assert TERMINAL(LocalizedMessage(template, **fields)) == typed


def _leaves(command: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    members = getattr(command, "commands", {})
    found = {} if members else {" ".join(path): command}
    for name, member in members.items():
        found |= _leaves(member, (*path, name))
    return found


def test_every_command_that_a_message_names_can_be_typed() -> None:
    leaves = _leaves(typer.main.get_command(cli))
    for command in commands():
        written = TERMINAL("{" + command + "}")
        if written.endswith(" in Discord"):
            continue
        words = written.split()[1:]
        path = next(" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in leaves)
        options = {name for each in leaves[path].params for name in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, written


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("models", "show", "9"), "herosmith models list shows them all"),
        (("models", "compare", "9"), "herosmith models list"),
        (("dataset", "show", "99"), "herosmith dataset list"),
        (("dataset", "show"), "herosmith dataset build"),
        (("dataset", "export", "x.csv"), "herosmith dataset build"),
        (("finetune", "--dataset", "99", "--yes"), "herosmith dataset build"),
        (("jobs", "show", "99"), "herosmith jobs list"),
        (("hero", "woman healing"), "herosmith hero '40 woman healing'"),
        (("powers", "remove", "juggling"), "herosmith powers list"),
    ],
)
def test_errors_name_commands_of_the_terminal(
    terminal: RunCommand, arguments: tuple[str, ...], named: str
) -> None:
    done = terminal(*arguments)
    assert done.exit_code == 1
    assert named in done.stderr
    assert not re.search(r"(?<!\w)/(models|finetune|build-dataset|hero|dataset|powers)\b", done.stderr)


def test_a_table_has_headings_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    long = "ft:" + "x" * 200
    print_table(("model", "loss", "of"), [(long, 1.5, 12345), ("b", None, 3)])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["model", "loss", "of"]
    assert first.split() == [long, "1.500", "12,345"]
    assert second.split() == ["b", "-", "3"]
    assert len(first) == len(second)  # numbers stand to the right


def test_fields_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"kind": "build", "new": True, "a longer name": None})
    assert capsys.readouterr().out == "kind           build\nnew            yes\na longer name  -\n"
    assert plain("**Bold** `code`\n-# small\n```\ntable\n```") == "Bold code\n   small\ntable"


def test_the_version_is_printed() -> None:
    printed = CliRunner().invoke(cli, ["--version"])
    assert re.fullmatch(r"herosmith \d+\.\d+\.\d+\n", printed.stdout)


def test_the_help_is_grouped_and_no_flag_has_a_type() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).stdout
    panels = ["Start", "Heroes", "Improve the model", "Your own data", "Operate"]
    assert [shown.index(f"─ {panel} ") for panel in panels] == sorted(shown.index(f"─ {p} ") for p in panels)
    for command in _leaves(typer.main.get_command(cli)):
        assert "<bool>" not in CliRunner().invoke(cli, [*command.split(), "--help"]).stdout


def test_every_command_says_what_it_does() -> None:
    for path, command in _leaves(typer.main.get_command(cli)).items():
        assert command.help, path
        assert all(each.help for each in command.params), path
