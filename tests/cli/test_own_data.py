"""`herosmith tune` and `herosmith chat`: one's own examples, on the real engine with tiny weights."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import cli
from bot.settings import ROOT
from tests.cli.conftest import RunCommand
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.scripted_server import Script

SAMPLES = ROOT / "examples"
Run = Callable[..., Result]


@pytest.fixture
def at_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: EngineProcess) -> Run:
    """Return a function that runs a command on an installation with the tests' engine."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ENGINE_URL", engine.url)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=typed)

    return run


def test_questions_are_tuned_on_and_asked_and_no_model_of_heroes_comes_of_it(at_engine: Run) -> None:
    tuned = at_engine(
        "tune", str(SAMPLES / "questions.csv"), "--epochs", "1", "--name", "my kitchen!", "--yes"
    )
    assert tuned.exit_code == 0, tuned.output
    assert "The column 'question' is read as 'prompt'." in tuned.output
    assert "43 examples to learn from, 5 held out to measure" in tuned.output
    assert "read once" in tuned.output
    assert "Loss on the examples held out (less is better): " in tuned.output
    *_, ended = tuned.output.splitlines()
    name = ended.split()[-1]
    assert ended == f"Next: herosmith chat {name}"
    assert name.startswith("ft:tiny:my-kitchen:")

    answered = json.loads(at_engine("chat", "my-kitchen", "-m", "How long?", "--json").stdout)
    assert answered["model"] == name
    assert answered["message"] == "How long?"
    assert answered["answer"].strip()
    listed = json.loads(at_engine("chat", "--list", "--json").stdout)
    assert listed[0] == {"model": "tiny", "tuned": False}
    assert {"model": name, "tuned": True} in listed
    assert json.loads(at_engine("models", "list", "--json").stdout) == []


def test_pairs_are_learnt_by_preference_and_told_as_json(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    tuned = terminal("tune", str(SAMPLES / "pairs.jsonl"), "--epochs", "3", "--yes", "--json")
    assert tuned.exit_code == 0, tuned.output
    assert json.loads(tuned.stdout) == {
        "model": "ft:tiny:1",
        "base": "tiny",
        "job": "ftjob-1",
        "method": "dpo",
        "train": 43,
        "valid": 5,
        "trained_tokens": 10_000,
        "loss_before": 2.5,
        "loss_after": 1.25,
    }
    assert "Tuning tiny on" in tuned.stderr
    (created,) = server.trainings.created
    assert created["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3}}}
    assert created["suffix"] == "pairs"
    assert len(server.trainings.uploads) == 2


def test_an_example_that_is_too_long_is_named_by_its_place_in_the_file(
    at_engine: Run, tmp_path: Path
) -> None:
    rows = [(f"Question {number}?", f"Answer {number}.") for number in range(12)]
    rows[6] = ("Question 6?", "a word or two " * 700)
    pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv(tmp_path / "own.csv", index=False)
    refused = at_engine("tune", "own.csv", "--yes")
    assert refused.exit_code == 1
    assert "example 7 of own.csv" in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", str(SAMPLES / "questions.csv"), "--base", "gpt-9", "--yes"), "There is no model gpt-9."),
        (("tune", str(SAMPLES / "questions.csv")), "confirm with --yes"),
        (("tune", "nowhere.csv", "--yes"), "nowhere.csv"),
        (("tune", str(SAMPLES / "README.md"), "--yes"), "README.md"),
        (("tune", str(SAMPLES / "questions.csv"), "--base", "some/model", "--yes"), "An engine runs already"),
        (("chat", "nobody", "-m", "Hello"), "There is no model nobody. There are:\n  tiny"),
        (("chat", "-m", "word " * 5000), "The engine refused: "),
    ],
)
def test_errors_say_what_to_do(at_engine: Run, arguments: tuple[str, ...], message: str) -> None:
    refused = at_engine(*arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chat",), "ask with --message TEXT"),
        (("chat", "--json"), "--json is for --message and --list"),
        (("tune", "x.csv", "--json"), "confirm with --yes"),
    ],
)
def test_without_a_terminal_nothing_is_asked(
    terminal: RunCommand, arguments: tuple[str, ...], message: str
) -> None:
    refused = terminal(*arguments, typed="Hello\n")
    assert refused.exit_code == 2
    assert message in " ".join(refused.stderr.replace("│", " ").split())


def test_a_declined_plan_uploads_nothing(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    declined = terminal("tune", str(SAMPLES / "questions.csv"), typed="n\n")
    assert declined.exit_code == 0, declined.output
    assert "Nothing was done." in declined.output
    assert server.trainings.uploads == []


def test_a_training_that_fails_says_why_in_the_engines_words(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    reason = "The training needs 9.9 GiB more memory and 2.1 are free. Close other programs."
    server.trainings.error = reason
    failed = terminal("tune", str(SAMPLES / "questions.csv"), "--yes")
    assert failed.exit_code == 1
    assert reason in failed.stderr
    assert "Traceback" not in failed.output


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let child processes heed SIGINT, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_interrupted_is_stopped_at_the_engine_too(
    engine: EngineProcess, tmp_path: Path, number: signal.Signals
) -> None:
    api = engine.blocking_client()
    before = {job.id for job in api.fine_tuning.jobs.list()}
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENGINE_URL": engine.url, "PYTHONPATH": str(ROOT)}
    tuning = subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(SAMPLES / "questions.csv"), "--name", number.name, "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )

    def started() -> bool:
        return any(job.id not in before for job in api.fine_tuning.jobs.list())

    asyncio.run(eventually(started, what="the training is started", timeout=120))
    tuning.send_signal(number)
    printed, _ = tuning.communicate(timeout=120)
    assert "nothing of it is kept" in printed
    assert "Traceback" not in printed
    (job,) = (job for job in api.fine_tuning.jobs.list() if job.id not in before)
    assert job.status == "cancelled"


def test_a_talk_in_a_terminal_keeps_its_history_until_it_begins_anew(
    engine: EngineProcess, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENGINE_URL": engine.url, "PYTHONPATH": str(ROOT)}
    talk = subprocess.Popen(
        [sys.executable, "-m", "bot", "chat", "--system", "Be brief."],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )
    os.write(ours, b"Good morning\n/new\n\nAnd again\n\x04")
    printed, _ = talk.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert talk.returncode == 0, printed
    first, *_ = printed.splitlines()
    assert first == "tiny. End with Ctrl-D, begin anew with /new."
    assert printed.count("> ") >= 5  # once more for the end of the input
