"""An engine that one command has started, and that another one trains with."""

import os
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
