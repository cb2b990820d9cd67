"""The terminal: an expected error is a sentence and an exit code, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.command_line import cli
from bot.settings import ROOT, Settings
from tests.support.databases import database_variables


def herosmith(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TERM": "dumb", **env},
    )


def test_extras_follow_the_settings(tmp_path: Path) -> None:
    assert herosmith("extras", DATA_DIR=str(tmp_path)).stdout == "engine,openvino,playground\n"
    assert herosmith("extras", DISCORD_TOKEN="x").stdout == "engine,openvino\n"  # noqa: S106
    smaller = herosmith("extras", DISCORD_TOKEN="x", ENGINE_RUNTIME="llama.cpp")  # noqa: S106
    assert smaller.stdout == "engine\n"


@pytest.mark.sqlite("its database is a file")
@pytest.mark.parametrize("command", [["run"], ["models", "list"], ["worker"]])
def test_a_corrupt_database_is_reported(tmp_path: Path, command: list[str]) -> None:
    corrupt = tmp_path / "hero.db"
    corrupt.write_bytes(b"this is no database, " * 100)
    completed = herosmith(
        *command,
        DISCORD_TOKEN="x",  # noqa: S106 (else the data folder is the playground's)
        DATA_DIR=str(tmp_path),
        ENGINE_URL="http://127.0.0.1:9/v1",
    )
    assert completed.returncode == 1
    assert "hero.db is no SQLite database" in completed.stderr
    assert "Traceback" not in completed.stderr


def test_the_playground_says_that_it_serves_no_metrics(tmp_path: Path) -> None:
    (tmp_path / "playground").mkdir()
    (tmp_path / "playground" / "hero.db").write_bytes(b"this is no database, " * 100)  # so that it ends
    completed = herosmith(
        "run", DATA_DIR=str(tmp_path), ENGINE_URL="http://127.0.0.1:9/v1", METRICS_PORT="9464"
    )
    assert completed.returncode == 1
    assert "METRICS_PORT has no effect in the playground" in completed.stderr


def test_an_invalid_env_file_is_reported_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DISCORD_TOKEN=x\n???\n")
    completed = herosmith("run")
    assert completed.returncode == 2
    assert ".env, line 2" in completed.stderr
    assert "Traceback" not in completed.stderr


def test_promoting_an_unknown_model_is_reported(tmp_path: Path, installation: Settings) -> None:
    variables = database_variables(installation.database_url)
    completed = herosmith("models", "promote", "7", DATA_DIR=str(tmp_path), **variables)
    assert completed.returncode == 1
    assert "There is no model 7" in completed.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", "x.csv", "--epochs", "0"), "0 is not possible: give a whole number, 1 to 10."),
        (("finetune", "--epochs", "two"), "two is not possible: give a whole number, 1 to 10."),
        (("dataset", "sample", "-n", "0"), "0 is not possible: give a whole number, at least 1."),
        (("jobs", "show", "first"), "first is not possible: give a whole number."),
        (("dataset", "build", "--budget", "little"), "little is not possible: give a number."),
        (("chat", "tiny", "--temperature", "3"), "3 is not possible: give a number, 0 to 2."),
        (("finetune", "--method", "x"), "x is not possible: choose one of supervised, dpo, kto."),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_plain_words(
    arguments: tuple[str, ...], message: str
) -> None:
    refused = CliRunner(env={"COLUMNS": "200"}).invoke(cli, arguments)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "Input should" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("tune", ""),
            "Invalid value for 'FILE': It is empty, perhaps a variable that is not set: give a value.",
        ),
        (("tune", "x.csv", "--base", ""), "give a value, or leave it out."),
        (("tune", "x.csv", "--name="), "give a value, or leave it out."),
        (("chat", ""), "give a value, or leave it out."),
        (("delete", "", "--yes"), "It is empty, perhaps a variable that is not set: give a value."),
        (("dataset", "check", "x.csv", "--out", ""), "give a value, or leave it out."),
        (("dataset", "import", ""), "It is empty"),
        (("serve", "--base", ""), "give a value, or leave it out."),
        (
            ("tune", f"{'n' * 300}.jsonl"),
            "The path is too long for this computer's disk: give a shorter one.",
        ),
        (("dataset", "export", f"{'n' * 5000}.csv"), "The path is too long for this computer's disk"),
        (("hero", "40 woman healing", "--model", "9" * 20), "is not possible: give a number of 18 digits"),
        (("models", "show", "9" * 20), "is not possible: give a number of 18 digits at most."),
        (("jobs", "cancel", "9" * 40), "is not possible: give a number of 18 digits at most."),
        (("dataset", "show", "9" * 20), "is not possible: give a number of 18 digits at most."),
        (("chat", "-m", "Hello", "--seed", "-" + "9" * 20), "is not possible: give a number of 18 digits"),
    ],
)
def test_a_value_with_which_no_command_can_do_anything_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(cli, list(arguments))
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["chat", "tune"])
def test_a_base_that_is_no_file_for_its_length_is_told_in_a_sentence(tmp_path: Path, command: str) -> None:
    asked = ("x.csv",) if command == "tune" else ("--message", "Hello")
    (tmp_path / "x.csv").write_text("prompt,completion\n" + "".join(f"q{n},a{n}\n" for n in range(12)))
    base = f"{tmp_path}/{'n' * 300}"
    refused = subprocess.run(
        [sys.executable, "-m", "bot", command, *asked, "--base", base],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path / "var")},
    )
    assert refused.returncode == 1
    assert "cannot be read: File name too long." in refused.stderr
    assert "Traceback" not in refused.stderr
