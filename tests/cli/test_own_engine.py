"""An engine that one command has started, and that another one trains with."""

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.settings import ROOT
from tests.support.eventually import eventually


def tune(data: Path, base: Path, name: str) -> "subprocess.Popen[str]":
    table = data / f"{name}.csv"
    rows = (f"Question {number} of {name}?,Answer {number}.\n" for number in range(600))
    table.write_text("question,answer\n" + "".join(rows))
    environment = {"DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(table), "--base", str(base), "--yes", "--epochs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        text=True,
    )


def trainer_below(command: "subprocess.Popen[str]") -> psutil.Process | None:
    """Return the trainer of the engine that a command has started, if it runs."""
    for template in psutil.Process(command.pid).children(recursive=True):
        if "engine.training.template" in template.cmdline() and template.children():
            return template.children()[0]
    return None


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.timeout(400)
def test_a_talk_goes_on_when_the_command_with_its_engine_ends(
    tmp_path: Path, tiny_base: Path, free_port: int
) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot"]
    options = ["--base", str(tiny_base)]
    serving = subprocess.Popen(
        [*command, "serve", *options, "--port", str(free_port)], stdout=subprocess.PIPE, env=environment
    )
    assert serving.stdout is not None
    assert serving.stdout.readline().startswith(b"The engine listens")
    ours, theirs = pty.openpty()
    talk = subprocess.Popen(
        [*command, "chat", *options],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert talk.stdout is not None
    os.write(ours, b"Good morning\n")
    shown = b""
    while shown.count(b"\n> ") < 2:  # the prompt after the first answer
        read = os.read(talk.stdout.fileno(), 4096)
        assert read, shown
        shown += read
    serving.send_signal(signal.SIGTERM)
    serving.wait(60)
    os.write(ours, b"And again\n\x04")
    printed, errors = talk.communicate(timeout=240)
    os.close(ours)
    os.close(theirs)
    assert talk.returncode == 0, errors
    assert b"It is asked again." in errors
    assert b"does not answer" not in errors
    again, *_ = printed.decode().split("\n> ")
    assert again.strip()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_it_stays_until_the_other_training_has_ended(tmp_path: Path, tiny_base: Path) -> None:
    first = tune(tmp_path, tiny_base, "first")
    await eventually(lambda: trainer_below(first), what="the first training begins", timeout=120)
    trainer = trainer_below(first)
    assert trainer is not None
    trainer.suspend()  # until the second waits for its turn
    second = tune(tmp_path, tiny_base, "second")
    await eventually(
        lambda: len([*tmp_path.rglob("events.jsonl")]) == 2, what="the second training waits", timeout=120
    )
    trainer.resume()
    printed = {}
    for command, name in ((first, "first"), (second, "second")):
        printed[name], _ = command.communicate(timeout=240)
        assert command.returncode == 0, printed
        assert f"The model {name} is trained and kept." in printed[name]
    assert (
        "The engine of this command also trains second, and stays until that has ended." in printed["first"]
    )
