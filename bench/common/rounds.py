"""The order of what is compared, round by round."""

from collections.abc import Sequence


def rotated(names: Sequence[str], by: int) -> list[str]:
    """Return the names in the same order, starting with another one each round."""
    start = by % len(names)
    return [*names[start:], *names[:start]]
