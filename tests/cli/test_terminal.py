"""What the terminal prints: its own commands, tables, JSON, versions, help."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.terminal import TERMINAL, plain, print_fields, print_json, print_table, program
from bot.command_line import cli
from bot.i18n.message import LocalizedMessage
from tests.cli.conftest import RunCommand
from tests.i18n.catalogue import commands
from tests.support.command_tree import LEAVES


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        ("/there/.venv/bin/herosmith", "herosmith"),
        ("../.venv/bin/herosmith", "../.venv/bin/herosmith"),
        ("{here}/.venv/bin/herosmith", ".venv/bin/herosmith"),
        ("{here}/my bot/herosmith", "'my bot/herosmith'"),
        ("/usr/lib/pytest", "herosmith"),
    ],
)
def test_commands_are_named_as_this_process_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, typed: str
) -> None:
    monkeypatch.chdir(tmp_path)
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
    monkeypatch.chdir(Path(sys.executable).parents[1])
    monkeypatch.setenv("PATH", "")
    named = program()
    assert named.endswith(" -m bot")
    assert not named.startswith("/")
    assert Path(named.removesuffix(" -m bot")).exists()


@pytest.mark.parametrize(
    ("template", "fields", "typed"),
    [
        ("Run {/build-dataset}.", {}, "Run herosmith dataset build."),
        ("{/build-dataset kind:preference}", {}, "herosmith dataset pairs"),
        ("{/build-dataset kind:thumbs}", {}, "herosmith dataset thumbs"),
        ("`{/finetune dataset:{version}}`", {"version": 3}, "`herosmith finetune --dataset 3`"),
        ("{/models compare a:{n}}", {"n": 2}, "herosmith models compare 2"),
        ("{/models deployed model:{n} name:...}", {"n": 2}, "herosmith models deployed 2 ..."),
        ("{/hero hero:{hero}}", {"hero": "40 woman ice"}, "herosmith hero '40 woman ice'"),
        ("{/hero hero:{hero}}", {"hero": "$(x) 'y'"}, """herosmith hero '$(x) '"'"'y'"'"''"""),
        ("{/duel}", {}, "/duel in Discord"),
        ("{/season show}", {}, "/season show in Discord"),
    ],
)
def test_a_message_names_the_terminals_commands(template: str, fields: dict[str, object], typed: str) -> None:
    assert TERMINAL(LocalizedMessage(template, **fields)) == typed


def test_every_command_that_a_message_names_can_be_typed() -> None:
    for command in commands():
        written = TERMINAL("{" + command + "}")
        if written.endswith(" in Discord"):
            continue
        words = written.split()[1:]
        path = next(" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in LEAVES)
        options = {name for each in LEAVES[path].params for name in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, written


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("models", "show", "9"), "herosmith models list` shows them all"),
        (("models", "compare", "9"), "herosmith models list"),
        (("dataset", "show", "99"), "herosmith dataset list"),
        (("dataset", "show"), "herosmith dataset build --source shipped"),
        (("finetune", "--yes"), "herosmith dataset build --source shipped"),
        (("dataset", "export", "x.csv"), "herosmith dataset build --source shipped"),
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
    assert plain("went live by hand, by <@42>") == "went live by hand, by Discord user 42"


@pytest.mark.parametrize(
    ("reader", "on_one_line", "lines"), [(True, False, 4), (True, True, 1), (False, False, 1)]
)
def test_json_is_indented_for_a_reader_unless_it_has_to_be_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    reader: bool,
    on_one_line: bool,
    lines: int,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: reader)
    print_json({"a": 1, "ä": [None]} if on_one_line else {"a": 1, "ä": None}, on_one_line=on_one_line)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == lines
    assert json.loads(printed)["a"] == 1
    assert '"ä"' in printed


def test_the_version_is_printed() -> None:
    printed = CliRunner().invoke(cli, ["--version"])
    assert re.fullmatch(r"herosmith \d+\.\d+\.\d+\n", printed.stdout)


def test_the_help_is_grouped() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).stdout
    panels = ["Start", "Heroes", "Improve the model", "Your own data", "Operate"]
    assert [shown.index(f"─ {panel} ") for panel in panels] == sorted(shown.index(f"─ {p} ") for p in panels)


@pytest.mark.parametrize("command", sorted(LEAVES))
def test_the_help_of_a_command_names_values_by_words(command: str) -> None:
    shown = CliRunner().invoke(cli, [*command.split(), "--help"]).stdout
    usage, *_ = re.findall(r"Usage: (.*)", shown)
    assert not re.search(r"<\w+|x[<>]=|=x|[{}]", shown)
    assert f"{command} [OPTIONS]" in usage
    assert usage.rstrip().endswith(("[OPTIONS]", "]")) or usage.split()[-1].isupper()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("demo", "NUMBER  How often the model reads each text (1 to 10) [default: 2]"),
        ("finetune", "supervised|dpo"),
        ("dataset check", "PATH"),
    ],
)
def test_the_help_says_what_an_option_takes(monkeypatch: pytest.MonkeyPatch, command: str, said: str) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert said in CliRunner().invoke(cli, [*command.split(), "--help"]).stdout


def test_every_command_says_what_it_does() -> None:
    for path, command in LEAVES.items():
        assert command.help, path
        assert all(each.help for each in command.params if not getattr(each, "hidden", False)), path
