"""`herosmith serve`: an engine at a known address, which programs and other commands ask."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import ROOT


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}


def bot(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def serving(environment: dict[str, str], tiny_base: Path, port: int) -> Iterator[list[str]]:
    """Serve tiny weights, and yield what the command printed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # or the child would ignore it
    command = bot(environment, "serve", "--port", str(port), "--base", str(tiny_base))
    signal.signal(signal.SIGINT, before)
    assert command.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        lines.append(command.stdout.readline())
        assert lines[-1], command.communicate()
    yield lines
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 0


def python_of(printed: str) -> list[str]:
    """Return the command that runs the printed line of Python."""
    (line,) = (line for line in printed.splitlines() if line.startswith("In Python: "))
    return [sys.executable, "-c", line.removeprefix("In Python: ")]


@pytest.mark.slow
def test_programs_and_commands_ask_the_engine_that_is_served(
    serving: list[str], environment: dict[str, str], tiny_base: Path, port: int
) -> None:
    first, note, *_ = serving
    assert first == f"The engine listens at http://127.0.0.1:{port}/v1\n"
    assert note == "Every program on this computer may ask it; ENGINE_API_KEY sets a key.\n"
    asked = subprocess.run(python_of("".join(serving)), capture_output=True, text=True, check=True)
    assert asked.stdout.endswith("\n")

    for options in ((), ("--base", str(tiny_base))):
        chat = bot(environment, "chat", "-m", "Hello", "--json", *options)
        printed, errors = chat.communicate(timeout=60)
        assert chat.returncode == 0, errors
        assert "answer" in json.loads(printed)  # of a random model, which may have nothing to say
    other = bot(environment, "chat", "-m", "Hello", "--base", "some/model")
    _, errors = other.communicate(timeout=60)
    assert "An engine runs already" in errors

    again = bot(environment, "serve", "--port", "8")
    printed, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert f"The engine runs already, at http://127.0.0.1:{port}/v1\n{note}In Python: " in printed
    assert printed.endswith("--port 8 changes nothing: to serve there, stop that engine first.\n")
    asked = subprocess.run(python_of(printed), capture_output=True, text=True, check=True)
    assert (asked.stdout.endswith("\n"), asked.stderr) == (True, "")  # random weights may write spaces alone


def test_a_key_of_ones_own_is_required_and_not_printed(
    environment: dict[str, str], tiny_base: Path, port: int
) -> None:
    environment |= {"ENGINE_API_KEY": "my own key"}
    command = bot(environment, "serve", "--port", str(port), "--base", str(tiny_base))
    assert command.stdout is not None
    printed = "".join(command.stdout.readline() for _ in range(5))
    asked = subprocess.run(python_of(printed), capture_output=True, text=True, check=True, env=environment)
    assert (asked.stdout.endswith("\n"), asked.stderr) == (True, "")  # random weights may write spaces alone
    assert "my own key" not in printed
    command.terminate()
    command.communicate(timeout=60)
    assert command.returncode == 0


def test_a_port_that_is_taken_is_told_in_a_sentence(
    environment: dict[str, str], tiny_base: Path, port: int
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = bot(environment, "serve", "--port", str(port), "--base", str(tiny_base))
        _, errors = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert f"port {port}" in errors
    assert "Choose otherwise by --port." in errors
    assert "Traceback" not in errors
