"""`herosmith demo`: the whole loop, at the scripted server; `make demo` runs it on the real engine."""

import json

import pytest

from tests.cli.conftest import RunCommand
from tests.support.scripted_server import Script
from tests.support.writers import of_one_taste


def test_the_loop_ends_with_one_line_of_json(terminal: RunCommand) -> None:
    done = terminal("demo", "--epochs", "1", "--json")
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    assert json.loads(line) == {"loss_before": 2.5, "loss_after": 1.25, "verdict": "passed"}
    told = " ".join(done.stderr.split())
    assert "No model wrote for it: the texts come with the bot" in told
    assert "dataset v2 contains the well-rated description" in told


def test_the_base_writes_the_examples_if_their_number_is_given(terminal: RunCommand) -> None:
    done = terminal("demo", "--examples", "16", "--epochs", "1")
    assert done.exit_code == 0, done.output
    told = " ".join(done.stdout.split())
    assert "16 were written now" in told
    assert "dataset v2 contains the well-rated description" in told


def test_a_model_that_is_held_back_and_that_nobody_likes_ends_it_with_json_too(
    terminal: RunCommand, server: Script
) -> None:
    server.writers["ft:tiny:1"] = of_one_taste
    done = terminal("demo", "--examples", "16", "--json")
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    assert json.loads(line) == {"loss_before": 2.5, "loss_after": 1.25, "verdict": "held back"}
    told = " ".join(done.stderr.split())
    assert "fewer than half of its texts" in told
    assert "The voters liked none of 20 descriptions" in told
    assert "demo, without --examples, takes the texts that come with the bot" in told
    assert "Dataset v2" not in told


def test_the_end_says_what_to_do_next(terminal: RunCommand) -> None:
    done = terminal("demo", "--examples", "16")
    assert done.exit_code == 0, done.output
    after = done.stdout.partition("\nNext:\n")[2]
    for command in ("herosmith run ", "herosmith dataset build ", "herosmith tune examples/questions.csv "):
        assert command in after


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_loop_that_fails_says_why_and_prints_no_json(
    terminal: RunCommand, server: Script, as_json: tuple[str, ...]
) -> None:
    server.trainings.error = "the training diverged"
    failed = terminal("demo", "--examples", "16", *as_json)
    assert failed.exit_code == 1
    assert "The demo ends here" in failed.stderr
    assert "the training diverged" in failed.stderr
    assert "loss_before" not in failed.stdout
