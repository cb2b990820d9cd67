"""Pace: how fast one model may be asked, learnt from the server's rate-limit headers."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|)")

# How much faster than "what is left, spread over the time until it is full again" to go. Both kinds of limits
# in use settle well with it: one that refills steadily is kept a third full, one that refills at once is used
# up in time.
_EAGERNESS = 2.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to make one call: what it is expected to use, and all that had been sent with it."""

    sent: "dict[str, float]"


@dataclass(frozen=True, slots=True)
class _Allowance:
    """One limit as an answer told it: of `limit`, `remaining` were left when `used` had been sent."""

    limit: float
    remaining: float
    full_in: float  # seconds from the reading until the limit is whole again
    read_at: float
    used: float

    @property
    def per_second(self) -> float | None:
        """By how much the limit grows, where it grows steadily; None while nothing of it is used."""
        gone = self.limit - self.remaining
        return gone / self.full_in if gone > 0 and self.full_in > 0 else None

    def wait(self, amount: float, used: float, now: float) -> float:
        """Seconds that a call over `amount` should wait after the one before it."""
        until_full = max(0.0, self.full_in - (now - self.read_at))
        left = (self.remaining if until_full else self.limit) - (used - self.used)
        if left < amount:  # none left: as long as a steady limit takes to grow by this much
            return until_full * amount / max(self.limit - self.remaining, amount)
        return until_full * amount / (left * _EAGERNESS)


class Pace:
    """Gives out turns, one by one.

    The first call goes alone: what its answer tells (limits, parameters that the model refuses) spares the
    others the same refusal. Where the server tells nothing, there is no wait at all.
    """

    def __init__(self) -> None:
        self._line = asyncio.Lock()
        self._told = asyncio.Event()  # whether any answer has come yet
        self._probing = False
        self._resume_at = 0.0
        self._sent = {"requests": 0.0, "tokens": 0.0}
        self._allowances: dict[str, _Allowance] = {}

    @property
    def paused_for(self) -> float:
        """Seconds for which the server asked everyone to wait, from now on."""
        return max(0.0, self._resume_at - time.monotonic())

    def per_second(self, name: str) -> float | None:
        """How much the server allows a second, of "requests" or "tokens", where that can be told by now."""
        known = self._allowances.get(name)
        return known.per_second if known else None

    async def turn(self, tokens: int) -> Turn:
        """Wait for a turn in the line.

        Tokens is what the call may use at most, question and answer together.
        """
        async with self._line:
            if self._probing and not self._told.is_set():
                await self._told.wait()
            amounts = {"requests": 1.0, "tokens": float(tokens)}
            await asyncio.sleep(self._spacing(amounts))
            while wait := self.paused_for:  # it may grow while we sleep
                await asyncio.sleep(wait)  # noqa: ASYNC110 (it knows how long)
            for name, amount in amounts.items():
                self._sent[name] += amount
            self._probing = True
            return Turn(dict(self._sent))

    def _spacing(self, amounts: Mapping[str, float]) -> float:
        now = time.monotonic()
        waits = (
            allowance.wait(amounts[name], self._sent[name], now)
            for name, allowance in self._allowances.items()
        )
        return max(waits, default=0.0)

    def answered(self, turn: Turn, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers, where they are newer than what is known."""
        self._told.set()
        for name, used in turn.sent.items():
            known = self._allowances.get(name)
            if known is None or used > known.used:
                fresh = _reading(name, headers, used)
                if fresh:
                    self._allowances[name] = fresh

    def unanswered(self) -> None:
        """Let the next call go alone, where the first one came to nothing."""
        if not self._told.is_set():
            self._probing = False
            self._told.set()
            self._told = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """Hold everyone back for as long as the server asked for."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)


def _reading(name: str, headers: Mapping[str, str], used: float) -> _Allowance | None:
    """One limit out of an answer's headers, in the names that OpenAI gave them."""
    try:
        limit = float(headers[f"x-ratelimit-limit-{name}"])
        remaining = float(headers[f"x-ratelimit-remaining-{name}"])
        full_in = seconds(headers[f"x-ratelimit-reset-{name}"])
    except (KeyError, ValueError):
        return None
    return _Allowance(limit, remaining, full_in, time.monotonic(), used)


def seconds(duration: str) -> float:
    """Read `6m0s`, `120ms` or `1.5`. Raises ValueError where it is none of these."""
    parts = _DURATION.findall(duration.strip())
    if not parts or "".join(map("".join, parts)) != duration.strip():
        raise ValueError(f"{duration!r} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
