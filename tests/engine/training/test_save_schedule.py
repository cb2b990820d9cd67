"""A small state is saved often, a large one seldom enough to cost little time."""

import pytest

from engine.training.save_schedule import SaveSchedule


class Clock:
    """A clock that a test sets."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def saved(clock: Clock, took: float) -> SaveSchedule:
    """Return a schedule whose last save took so many seconds and has just ended."""
    schedule = SaveSchedule(clock)
    with schedule.saving():
        clock.seconds += took
    return schedule


@pytest.mark.parametrize(
    ("took", "after", "ends_epoch", "due"),
    [
        (0.1, 29.0, False, False),
        (0.1, 31.0, False, True),
        (0.1, 1.9, True, False),
        (0.1, 2.1, True, True),
        (10.0, 199.0, False, False),
        (10.0, 199.0, True, False),
        (10.0, 201.0, False, True),
        (10.0, 201.0, True, True),
    ],
)
def test_a_save_is_due(took: float, after: float, ends_epoch: bool, due: bool) -> None:
    clock = Clock()
    schedule = saved(clock, took)
    clock.seconds += after
    assert schedule.is_due(ends_epoch=ends_epoch) == due


def test_the_first_epoch_is_saved_whatever_it_will_take() -> None:
    clock = Clock()
    schedule = SaveSchedule(clock)
    clock.seconds += 1
    assert schedule.is_due(ends_epoch=True)
    assert not schedule.is_due(ends_epoch=False)
