"""Pace: how fast one model may be asked, learnt from the server's rate-limit headers."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|)")

_GLANCE = 0.5  # seconds after which someone who waits looks whether the wait has changed
_RESERVE = 0.1  # of a limit, kept back: answers tell what is left a little late
_WINDOW = 60.0  # seconds in which a limit grows back, until answers tell it better


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call: what it is expected to use, and all that had been sent with it."""

    sent: "dict[str, float]"


class _TokenBucket:
    """One limit: what is left of it, as the last answer told and as we have counted since."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.growth: float | None = None  # per second
        self._left = limit
        self._at = time.monotonic()
        self._read_after = -1.0  # how much had been sent with the call whose answer was read last
        self._longest = 0.0  # seconds

    def read(self, remaining: float, full_in: float, *, sent_then: float, sent_now: float) -> None:
        """Take in an answer's figures; what was sent after its call is not yet in them."""
        if sent_then <= self._read_after:
            return
        self._read_after = sent_then
        self._left, self._at = remaining - (sent_now - sent_then), time.monotonic()
        self._longest = max(self._longest, full_in)
        if remaining < self.limit and full_in > 0:
            # A limit that grows steadily tells by how much. One that grows back at once, at the end of a
            # window, tells too much towards that end: no limit grows faster than by all of it in the longest
            # time seen.
            self.growth = min((self.limit - remaining) / full_in, self.limit / self._longest)

    def wait(self, amount: float) -> float:
        """Seconds until a call over `amount` fits in."""
        now = time.monotonic()
        growth = self.growth or self.limit / _WINDOW
        self._left, self._at = min(self.limit, self._left + (now - self._at) * growth), now
        needed = min(amount + max(1.0, self.limit * _RESERVE), self.limit)
        return max(0.0, (needed - self._left) / growth)

    def take(self, amount: float) -> None:
        self._left -= amount

    def exhaust(self) -> None:
        """Nothing is left, says a 429."""
        self._left = min(self._left, 0.0)


class RateLimiter:
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
        self._allowances: dict[str, _TokenBucket] = {}

    @property
    def paused_for(self) -> float:
        """Seconds for which the server asked everyone to wait, from now on."""
        return max(0.0, self._resume_at - time.monotonic())

    def per_second(self, name: str) -> float | None:
        """How much the server allows a second, of "requests" or "tokens", where that can be told by now."""
        known = self._allowances.get(name)
        return known.growth if known else None

    async def acquire(self, tokens: int) -> Permit:
        """Wait for a turn in the line.

        Tokens is what the call may use at most, question and answer together.
        """
        async with self._line:
            if self._probing and not self._told.is_set():
                await self._told.wait()
            amounts = {"requests": 1.0, "tokens": float(tokens)}
            while wait := self._wait(amounts):  # noqa: ASYNC110 (answers may change it while we sleep)
                await asyncio.sleep(min(wait, _GLANCE))
            for name, amount in amounts.items():
                self._sent[name] += amount
                if name in self._allowances:
                    self._allowances[name].take(amount)
            self._probing = True
            return Permit(dict(self._sent))

    def _wait(self, amounts: Mapping[str, float]) -> float:
        waits = (allowance.wait(amounts[name]) for name, allowance in self._allowances.items())
        return max(self.paused_for, *waits, 0.0)

    def update_from_headers(self, turn: Permit, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers, where they are newer than what is known."""
        self._told.set()
        for name, sent in turn.sent.items():
            try:
                limit = float(headers[f"x-ratelimit-limit-{name}"])
                remaining = float(headers[f"x-ratelimit-remaining-{name}"])
                full_in = parse_duration(headers[f"x-ratelimit-reset-{name}"])
            except (KeyError, ValueError):
                continue
            if limit <= 0:
                continue
            known = self._allowances.get(name)
            if known is None or known.limit != limit:
                known = self._allowances[name] = _TokenBucket(limit)
            known.read(remaining, full_in, sent_then=sent, sent_now=self._sent[name])

    def release_probe(self) -> None:
        """Let the next call go alone, where the first one came to nothing."""
        if not self._told.is_set():
            self._probing = False
            self._told.set()
            self._told = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """Hold everyone back for as long as a 429 asked for."""
        for allowance in self._allowances.values():
            allowance.exhaust()
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)


def parse_duration(duration: str) -> float:
    """Read `6m0s`, `120ms` or `1.5`. Raises ValueError where it is none of these."""
    parts = _DURATION.findall(duration.strip())
    if not parts or "".join(map("".join, parts)) != duration.strip():
        raise ValueError(f"{duration!r} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
