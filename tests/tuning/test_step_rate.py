"""How fast steps are done: told once enough of them were seen, and anew after a step back."""

from bot.tuning.step_rate import StepRate


def test_a_speed_is_told_after_enough_steps() -> None:
    speed = StepRate(3, least_seconds=0.0)
    assert [speed.rate(done) for done in (0, 1, 2, 3)] == [None] * 4
    assert (speed.rate(4) or 0.0) > 0


def test_no_speed_is_told_before_enough_time() -> None:
    speed = StepRate(1, least_seconds=3600.0)
    assert [speed.rate(done) for done in (1, 100)] == [None, None]


def test_what_began_anew_is_measured_anew() -> None:
    speed = StepRate(1, least_seconds=0.0)
    assert [speed.rate(1), speed.rate(5) is None] == [None, False]
    assert speed.rate(2) is None  # of the check, after the steps of the training
    assert speed.rate(3) is not None
