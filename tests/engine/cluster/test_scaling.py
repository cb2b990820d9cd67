"""How many replicas a queue asks for."""

import pytest

from engine.cluster.scaling import Limits, Scaling


def test_a_replica_is_added_when_answers_wait_and_the_next_only_if_they_still_do() -> None:
    scaling = Scaling(scarce_seconds=2)
    wanted = [scaling.wanted(now, replicas=1, running=8, waiting=3) for now in (10, 11, 12)]
    assert wanted == [1, 1, 2]
    assert [scaling.wanted(now, replicas=2, running=16, waiting=1) for now in (13, 14)] == [2, 3]
    assert scaling.wanted(15, replicas=3, running=9, waiting=0) == 3


def test_a_wait_that_ends_soon_adds_none() -> None:
    scaling = Scaling(scarce_seconds=2)
    waiting = [3, 0, 3, 0, 3]
    assert [
        scaling.wanted(now, replicas=1, running=8, waiting=each) for now, each in enumerate(waiting, 10)
    ] == [1] * 5


def test_a_replica_leaves_once_one_less_has_long_been_enough() -> None:
    scaling = Scaling(idle_seconds=60)
    assert scaling.wanted(100, replicas=3, running=8, waiting=0) == 3
    assert scaling.wanted(159, replicas=3, running=8, waiting=0) == 3
    assert scaling.wanted(160, replicas=3, running=8, waiting=0) == 2
    assert scaling.wanted(161, replicas=2, running=5, waiting=0) == 2  # one would have too much to do
    assert scaling.wanted(500, replicas=2, running=5, waiting=0) == 2


@pytest.mark.parametrize(
    ("limits", "nodes", "wanted", "expected"),
    [
        (Limits(1, None), 3, 9, 3),  # one on each node
        (Limits(1, None), 3, 0, 1),
        (Limits(4, None), 2, 1, 4),
        (Limits(1, 5), 2, 9, 5),
        (Limits(2, 5), 0, 0, 2),
    ],
)
def test_limits(limits: Limits, nodes: int, wanted: int, expected: int) -> None:
    assert limits.clamp(wanted, nodes) == expected
