"""The pace of a build, for its forecast and for later estimates."""

from itertools import pairwise

import pytest

from bot.dataset.build.pace import PaceMeter


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def measured(answers: int, *, per_second: float, start: float, expected: float | None) -> PaceMeter:
    """Return the meter of a build by seven workers, whose first wave ends after the start."""
    clock = Clock()
    meter = PaceMeter(7, expected, clock)
    for number in range(answers):
        clock.now = 100.0 + start + max(0, number - 6) / per_second
        meter.add(done=True)
    return meter


@pytest.mark.parametrize("expected", [0.5, 1.35, 20.0])
def test_a_forecast_begins_with_what_is_expected(expected: float) -> None:
    assert PaceMeter(7, expected).examples_per_second == expected
    assert measured(7, per_second=1, start=60, expected=expected).examples_per_second == pytest.approx(
        expected
    )


def test_nothing_is_foretold_of_an_unknown_model_before_its_first_wave() -> None:
    assert PaceMeter(7, None).examples_per_second is None
    assert measured(6, per_second=1, start=9, expected=None).examples_per_second is None
    assert measured(9, per_second=2, start=9, expected=None).examples_per_second == pytest.approx(2)


@pytest.mark.parametrize("start", [0.0, 9.0, 120.0])
def test_the_start_does_not_count(start: float) -> None:
    meter = measured(107, per_second=2, start=start, expected=None)
    assert meter.examples_per_second == pytest.approx(2)
    assert meter.answers_per_second == pytest.approx(2)


def test_a_forecast_moves_gently_to_what_is_measured() -> None:
    paces = [
        measured(answers, per_second=0.5, start=9, expected=1.35).examples_per_second or 0.0
        for answers in range(7, 300)
    ]
    assert all(after <= before for before, after in pairwise(paces))
    assert min(after / before for before, after in pairwise(paces)) > 0.85
    assert paces[-1] == pytest.approx(0.5, rel=0.05)


def test_answers_that_are_asked_for_again_slow_the_examples_down() -> None:
    clock = Clock()
    meter = PaceMeter(2, None, clock)
    for number in range(22):
        clock.now += 1
        meter.add(done=number % 2 == 0)
    assert meter.answers_per_second == pytest.approx(1)
    assert meter.examples_per_second == pytest.approx(0.5)


@pytest.mark.parametrize(("answers", "told"), [(6, False), (7, False), (20, False), (21, True), (100, True)])
def test_a_few_answers_tell_no_pace(answers: int, *, told: bool) -> None:
    meter = measured(answers, per_second=2, start=3, expected=1.35)
    assert (meter.answers_per_second is not None) == told
