"""The estimate of a training's end, from the time of its steps."""

import pytest

from engine.training.time_estimate import TimeEstimate


def test_nothing_is_estimate_from_the_first_step_which_prepares_the_others() -> None:
    estimate = TimeEstimate()
    assert estimate.seconds(learned=1000, read=0) is None
    estimate.add(tokens=1000, seconds=60.0)
    assert estimate.seconds(learned=1000, read=0) is None
    estimate.add(tokens=1000, seconds=5.0)
    assert estimate.seconds(learned=3000, read=0) == pytest.approx(15.0)


def test_steps_count_by_their_tokens() -> None:
    estimate = TimeEstimate()
    for tokens in (800, 500, 1100, 700, 900):
        estimate.add(tokens, seconds=tokens / 250)
    assert estimate.seconds(learned=25_000, read=0) == pytest.approx(100.0)
    assert estimate.seconds(learned=25_000, read=7_500) == pytest.approx(110.0)


def test_other_work_on_the_machine_counts_as_long_as_it_lasts() -> None:
    estimate = TimeEstimate()
    for _ in range(40):
        estimate.add(tokens=1000, seconds=10.0)
    assert estimate.seconds(learned=10_000, read=0) == pytest.approx(100.0)
    for _ in range(20):
        estimate.add(tokens=1000, seconds=4.0)
    assert estimate.seconds(learned=10_000, read=0) == pytest.approx(40.0)


def test_nothing_is_left_at_the_end() -> None:
    estimate = TimeEstimate()
    for _ in range(2):
        estimate.add(tokens=1000, seconds=4.0)
    assert estimate.seconds(learned=0, read=0) == 0
