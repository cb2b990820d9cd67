"""The options of the command line for trainings on a cluster."""

import argparse

import pytest

from engine.cluster import train_options
from engine.startup import StartError


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train_options.add_to(parser)
    return parser.parse_args(words)


def test_by_default_as_many_train_as_there_is_room_for() -> None:
    assert train_options.runner(parse(), "mark").at_once > 1_000_000
    assert train_options.runner(parse("--trainings", "2"), "mark").at_once == 2


@pytest.mark.parametrize("option", ["--trainings", "--training-workers", "--worker-cpus"])
@pytest.mark.parametrize("number", ["0", "1.5", "many"])
def test_numbers_begin_at_one(option: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(option, number)
    assert f"{number!r} is not a number from 1" in capsys.readouterr().err


def test_a_place_for_states_is_tried_at_the_start() -> None:
    with pytest.raises(StartError, match=r"'/a/folder': it is no address .* Choose otherwise by"):
        train_options.runner(parse("--training-states", "/a/folder"), "mark")
