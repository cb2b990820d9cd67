"""Fixtures of the first minutes in a server."""

from dataclasses import replace

import pytest

from bot.app import Timing

NEW_YEAR = 1_767_225_600.0  # 2026-01-01 UTC, when time begins in the simulated Discord


@pytest.fixture
def timing(timing: Timing) -> Timing:
    """Return a clock that tells the simulated Discord's time: a server is joined now, not months ago."""
    return replace(timing, clock=lambda: NEW_YEAR + 60)
