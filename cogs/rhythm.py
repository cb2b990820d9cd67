"""Rhythm: how often a message may be edited while its text is being written."""

import asyncio
from typing import Any

_BEAT = 1.0  # seconds between edits: what a channel bears
_SLOWEST = 10.0


class Rhythm:
    """Waits between edits: about a second, longer where Discord is slow or has refused one for a while.

    discord.py waits out a 429 within the edit, so an edit that took long tells of either.
    """

    def __init__(self, beat: float = _BEAT) -> None:
        self._shortest = beat
        self.beat = beat

    def took(self, seconds: float) -> None:
        """Learn from an edit: one that took long doubles the wait, a quick one shortens it again."""
        slow = seconds > self.beat / 2
        self.beat = (
            min(max(self.beat * 2, seconds), _SLOWEST) if slow else max(self.beat * 0.8, self._shortest)
        )

    async def rest(self, until: asyncio.Task[Any]) -> None:
        """Let a beat pass, or less where there is nothing to wait for any more."""
        await asyncio.wait({until}, timeout=self.beat)
