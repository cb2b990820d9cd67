"""Trainings of one's own that are interrupted, ended or deleted, and questions in a terminal."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import openai
import psutil
import pytest
import typer
from openai.types.fine_tuning import FineTuningJob
from typer.testing import CliRunner

from bot.cli.progress import confirm
from bot.errors import UserError
from bot.settings import ROOT, Settings
from bot.tuning.model_names import require_deletable, training_name
from tests.cli.conftest import RunCommand
from tests.support.databases import database_variables
from tests.support.engine_jobs import trainer_of
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.tiny_engine import TINY

SAMPLES = ROOT / "examples"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let child processes heed SIGINT, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def many_questions(tmp_path: Path) -> Path:
    """Return a table whose training takes a second, even of tiny weights: time to suspend it."""
    table = tmp_path / "many.csv"
    rows = (f"Question {number}?,Answer {number} of many.\n" for number in range(100))
    table.write_text("question,answer\n" + "".join(rows))
    return table


def start_tuning(
    engine: EngineProcess, data: Path, file: Path, name: str, *options: str
) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DATA_DIR": str(data), "ENGINE_URL": engine.url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(file), "--name", name, "--yes", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )


def training_of(engine: EngineProcess, name: str) -> FineTuningJob | None:
    """Return the newest training of a name."""
    jobs = engine.blocking_client().fine_tuning.jobs.list()
    return next((job for job in jobs if training_name(job) == name), None)


async def begins(engine: EngineProcess, name: str, *statuses: str) -> FineTuningJob:
    """Wait until a training has one of these statuses, and return it."""

    def has_begun() -> bool:
        job = training_of(engine, name)
        return job is not None and job.status in statuses

    await eventually(has_begun, what=f"{name} is {statuses}", timeout=120)
    job = training_of(engine, name)
    assert job is not None
    return job


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_training_is_paused_and_the_same_command_goes_on(
    at_engine: RunCommand,
    engine: EngineProcess,
    tmp_path: Path,
    many_questions: Path,
    number: signal.Signals,
    code: int,
) -> None:
    name = f"held-{number.name}"
    tuning = start_tuning(engine, tmp_path, many_questions, name, "--epochs", "5")
    job = asyncio.run(begins(engine, name, "running"))
    trainer = trainer_of(engine)
    trainer.suspend()
    tuning.send_signal(number)
    asyncio.run(begins(engine, name, "paused"))
    trainer.resume()
    printed, _ = tuning.communicate(timeout=120)
    assert tuning.returncode == code, printed
    assert "To go on with it: python -m bot tune" in printed
    assert f"--epochs 5 --name {name}" in printed
    assert f"-m bot delete {name}" in printed
    assert "Traceback" not in printed
    paused = training_of(engine, name)
    assert paused is not None
    assert (paused.id, str(paused.status)) == (job.id, "paused")
    listed = json.loads(at_engine("chat", "--list", "--json").stdout)
    assert {"name": name, "tuned": False, "unfinished": True, "model": None} in listed
    assert f"delete {name}" in at_engine("chat", "--list").output

    again = at_engine("tune", str(many_questions), "--epochs", "5", "--name", name, "--yes", "--json")
    assert again.exit_code == 0, again.output
    assert "This training was begun before: it goes on from what was saved last." in again.stderr
    assert json.loads(again.stdout)["job"] == job.id


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait_for_the_pause(
    engine: EngineProcess, tmp_path: Path, many_questions: Path, number: signal.Signals
) -> None:
    name = f"hurried-{number.name}"
    tuning = start_tuning(engine, tmp_path, many_questions, name, "--epochs", "5")
    asyncio.run(begins(engine, name, "running"))
    trainer = trainer_of(engine)
    trainer.suspend()  # it saves nothing until the command has ended
    tuning.send_signal(number)
    asyncio.run(begins(engine, name, "paused"))
    tuning.send_signal(number)
    printed, _ = tuning.communicate(timeout=60)
    with suppress(psutil.NoSuchProcess):  # the engine has given it up on a slow machine
        trainer.resume()
    assert tuning.returncode == 128 + number, printed
    assert "Not waited for: what was saved last is kept." in printed
    assert "To go on with it: python -m bot tune" in printed
    assert f"-m bot delete {name}" in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_an_upload_that_the_engine_does_not_take(tmp_path: Path, server: Script) -> None:
    """The pauses between its attempts take minutes."""
    server.trainings.lists = ["tiny"]
    server.faults["POST /v1/files"] = [500] * 9
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENGINE_URL": server.url, "PYTHONPATH": str(ROOT)}
    tuning = subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(SAMPLES / "questions.csv"), "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )
    assert tuning.stdout is not None
    while "did it arrive? checking in 10 s" not in (line := tuning.stdout.readline()):
        assert line, "the command ended"
    tuning.send_signal(signal.SIGTERM)
    printed, _ = tuning.communicate(timeout=60)
    assert tuning.returncode == 128 + signal.SIGTERM, printed
    assert server.trainings.created == []


@pytest.mark.usefixtures("interruptible")
def test_an_unfinished_training_is_named_waited_for_and_ended(
    at_engine: RunCommand, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    files_before = {file.id for file in engine.blocking_client().files.list()}
    first = start_tuning(engine, tmp_path, many_questions, "first", "--epochs", "10")
    asyncio.run(begins(engine, "first", "running"))
    trainer_of(engine).suspend()  # until it is ended below
    first.kill()
    first.communicate()

    other = at_engine("tune", str(SAMPLES / "chats.jsonl"), "--name", "first", "--yes")
    assert other.exit_code == 1
    assert "A training 'first', of other examples or with other options, is not finished." in other.stderr
    asked = at_engine("chat", "first", "-m", "Hello")
    assert "The model first is not finished: its training is running. To go on with it, start" in asked.stderr

    second = start_tuning(engine, tmp_path, many_questions, "second", "--epochs", "1")
    job = asyncio.run(begins(engine, "second", "queued"))
    declined = at_engine("delete", "fírst!", typed="n\n")
    assert "End the training fírst! for good?" in declined.output
    assert "Nothing was done." in declined.output
    ended = at_engine("delete", "first", "--yes")
    assert ended.output == "The training first has ended; nothing of it is kept.\n"
    printed, _ = second.communicate(timeout=240)
    assert second.returncode == 0, printed
    assert "An earlier training, 'first', goes on first. To end it: " in printed
    assert "-m bot delete first" in printed
    cancelled = training_of(engine, "first")
    assert cancelled is not None
    assert cancelled.status == "cancelled"

    # the second learns from the same file, so only its deletion deletes it
    assert engine.blocking_client().files.retrieve(job.training_file)
    declined = at_engine("delete", "second", typed="n\n")
    assert re.search(
        r"Delete the model second, which frees \d+ MB\? It cannot be brought back", declined.output
    )
    deleted = at_engine("delete", "second", "--yes")
    assert deleted.output == "The model second is deleted.\n"
    assert "There is no model second." in at_engine("chat", "second", "-m", "Hello").stderr
    left = {file.id for file in engine.blocking_client().files.list()} - files_before
    assert not left & {job.training_file, job.validation_file}


@pytest.mark.usefixtures("interruptible")
def test_a_training_that_another_terminal_ends_says_so(
    at_engine: RunCommand, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    command = start_tuning(engine, tmp_path, many_questions, "ended", "--epochs", "10")
    asyncio.run(begins(engine, "ended", "running"))
    assert at_engine("delete", "ended", "--yes").exit_code == 0
    printed, _ = command.communicate(timeout=240)
    assert command.returncode == 1
    assert "The training was ended meanwhile, perhaps from another terminal: nothing of it" in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("interruptible")
def test_a_model_from_which_a_training_begins_is_not_deleted(
    at_engine: RunCommand, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    questions = str(SAMPLES / "questions.csv")
    options = ("--epochs", "1", "--name", "begin", "--yes", "--json")
    model = json.loads(at_engine("tune", questions, *options).stdout)["model"]
    command = start_tuning(engine, tmp_path, many_questions, "further", "--epochs", "10", "--base", "begin")
    asyncio.run(begins(engine, "further", "running"))
    trainer_of(engine).suspend()  # until it is ended below
    kept = at_engine("delete", "begin", "--yes")
    assert kept.exit_code == 1
    assert f"The model {model} has to stay: the training 'further', which is not finished" in kept.stderr
    with pytest.raises(openai.BadRequestError, match=r"trains '.*begin.*' further: cancel it, or wait"):
        engine.blocking_client().models.delete(model)
    at_engine("delete", "further", "--yes")
    command.communicate(timeout=240)
    assert at_engine("delete", "begin", "--yes").output == "The model begin is deleted.\n"


def test_the_plan_says_that_a_training_of_heroes_goes_on_first(
    at_engine: RunCommand, engine: EngineProcess
) -> None:
    client = engine.blocking_client()
    file = client.files.create(file=jsonl(map(example, range(20, 44))), purpose="fine-tune").id
    jobs = client.fine_tuning.jobs
    heroes = jobs.create(
        model=TINY,
        training_file=file,
        suffix="herosmith-0a1b2c3d",
        hyperparameters={"n_epochs": 50},
    )
    told = at_engine("tune", str(SAMPLES / "questions.csv"), "--name", "behind", typed="n\n")
    assert "A training of heroes goes on first; the time above is without it. How far it is: " in told.output
    jobs.cancel(heroes.id)
    told = at_engine("tune", str(SAMPLES / "questions.csv"), "--name", "behind", typed="n\n")
    assert "of heroes goes on first" not in told.output


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(
    at_engine: RunCommand, engine: EngineProcess
) -> None:
    questions = str(SAMPLES / "questions.csv")
    options = ("--epochs", "1", "--name", "shop", "--yes", "--json")
    first = json.loads(at_engine("tune", questions, *options).stdout)["model"]
    again = at_engine("tune", questions, *options)
    assert again.exit_code == 1
    assert "There is a model shop already." in again.stderr
    assert "add --replace" in again.stderr
    assert again.stderr.endswith("To talk to it: herosmith chat shop\n")
    assert json.loads(at_engine("chat", "shop", "-m", "Hello", "--json").stdout)["model"] == first

    replaced = at_engine("tune", questions, *options, "--replace")
    assert "The model shop that there is now is deleted once the new one is trained." in replaced.stderr
    second = json.loads(replaced.stdout)["model"]
    assert json.loads(at_engine("chat", "shop", "-m", "Hello", "--json").stdout)["model"] == second
    known = [model.id for model in engine.blocking_client().models.list()]
    assert second in known
    assert first not in known


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("delete", "nobody"), "There is no model nobody."),
        (("delete", "tiny", "--yes"), "tiny is the base: it cannot be deleted."),
        (("tune", str(SAMPLES / "questions.csv"), "--name", "tiny", "--yes"), "tiny is the base's name."),
    ],
)
def test_what_is_not_ones_own_is_neither_deleted_nor_replaced(
    at_engine: RunCommand, arguments: tuple[str, ...], message: str
) -> None:
    refused = at_engine(*arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr


def test_a_model_of_heroes_is_not_deleted() -> None:
    with pytest.raises(UserError, match="is a model of heroes, which the bot keeps"):
        require_deletable("ft:tiny:herosmith-0a1b2c3d:12345678")
    require_deletable("ft:tiny:herosmith-shop:12345678")


@pytest.mark.parametrize(("typed", "answered"), [("\n", False), ("\ny\n", True), ("y\n", True)])
def test_an_empty_line_that_is_piped_in_confirms_nothing(typed: str, answered: bool) -> None:
    asking = typer.Typer()

    @asking.command()
    def ask() -> None:
        if confirm("Train it?"):
            typer.echo("It trains.")

    done = CliRunner().invoke(asking, input=typed)
    assert ("It trains." in done.stdout) is answered
    assert isinstance(done.exception, UserError) is not answered


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 1, b"nothing was done"), (signal.SIGTERM, 143, b"\n")]
)
def test_a_question_is_ended_by_a_signal(
    tmp_path: Path, installation: Settings, number: signal.Signals, code: int, said: bytes
) -> None:
    ours, theirs = pty.openpty()
    variables = {
        "DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        **database_variables(installation.database_url),
    }
    asking = subprocess.Popen(
        [sys.executable, "-m", "bot", "dataset", "build", "--source", "shipped"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | variables,
    )
    assert asking.stdout is not None
    printed = b""
    while not printed.rstrip().endswith(b"Build it? [Y/n]:"):
        read = os.read(asking.stdout.fileno(), 4096)
        assert read, printed
        printed += read
    asking.send_signal(number)
    printed, _ = asking.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert said in printed
    assert b"Traceback" not in printed
    assert asking.returncode == code
    assert not list(tmp_path.rglob("*.db-wal")), "the database was not closed"


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
    os.write(ours, b"Good morning\n/new\n\n/help\n/usr/bin is what?\nAnd again\n\x04")
    printed, _ = talk.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert talk.returncode == 0, printed
    first, *_ = printed.splitlines()
    assert first == "tiny. End with Ctrl-D, begin anew with /new."
    commands = "/new begins anew, Ctrl-D ends it. All else is asked as you type it."
    assert (
        printed.count(f"This talk has no /help. Its commands: {commands}") == printed.count("This talk") == 1
    )
    assert printed.count("> ") >= 7  # once more for the end of the input
