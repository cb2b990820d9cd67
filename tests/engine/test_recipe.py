"""How a batch is cut so that memory is bounded."""

from engine import recipe


def test_parts_hold_every_example_once_and_never_too_much() -> None:
    padded = [60, 1000, 90, 120, 60, 90, 3000, 120] * 8
    parts = list(recipe.parts(range(64), padded))
    assert sorted(index for part in parts for index in part) == list(range(64))
    for part in parts:
        assert len(part) == 1 or len(part) * max(padded[index] for index in part) <= recipe.TOKENS_AT_ONCE
    assert len(parts) < 40


def test_short_examples_share_a_part() -> None:
    assert list(recipe.parts(range(8), [150] * 8)) == [list(range(8))]
