"""Durations for people: as exact as a forecast can be, and never like a time of day."""

import pytest

from bot.i18n.format import format_duration
from bot.i18n.message import ENGLISH


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (34.6, "35 s"),
        (89.9, "90 s"),
        (90, "2 min"),
        (13 * 60 + 57, "14 min"),
        (89 * 60, "89 min"),
        (89.6 * 60, "1 h 30 min"),
        (2 * 3600 + 185, "2 h 3 min"),
        (26 * 3600, "26 h 0 min"),
    ],
)
def test_a_duration(seconds: float, said: str) -> None:
    assert ENGLISH(format_duration(seconds)) == said
