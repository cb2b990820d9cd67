"""Rate limiter: how fast one model may be called, learnt from the server's rate-limit headers."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|)")

_RECHECK = 0.5  # seconds after which a waiting call looks whether the wait has changed
_RESERVE = 0.1  # of a limit, kept back: answers report what is left a little late
_WINDOW = 60.0  # seconds in which a limit refills, until answers tell it better


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission for one call; `sent` is the total sent so far, this call included, by limit."""

    sent: dict[str, float]


class _TokenBucket:
    """One limit: what is left of it, as the last answer reported and as calls used since."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.refill_rate: float | None = None  # per second
        self._remaining = limit
        self._updated_at = time.monotonic()
        self._latest_sent = -1.0  # the total sent with the call whose answer was read last
        self._longest_reset = 0.0  # seconds

    def update(self, remaining: float, reset: float, *, sent_then: float, sent_now: float) -> None:
        """Apply the figures of an answer, less what was sent after its call.

        reset: seconds until the limit is full again. An answer to an older call changes nothing.
        """
        if sent_then <= self._latest_sent:
            return
        self._latest_sent = sent_then
        self._remaining, self._updated_at = remaining - (sent_now - sent_then), time.monotonic()
        self._longest_reset = max(self._longest_reset, reset)
        if remaining < self.limit and reset > 0:
            # A limit that refills steadily shows its rate here. One that refills at once, at the end of a
            # window, shows too high a rate towards that end: no limit refills faster than all of it within
            # the longest reset seen.
            self.refill_rate = min((self.limit - remaining) / reset, self.limit / self._longest_reset)

    def wait(self, amount: float) -> float:
        """Return the seconds until a call over `amount` fits."""
        now = time.monotonic()
        rate = self.refill_rate or self.limit / _WINDOW
        self._remaining = min(self.limit, self._remaining + (now - self._updated_at) * rate)
        self._updated_at = now
        needed = min(amount + max(1.0, self.limit * _RESERVE), self.limit)
        return max(0.0, (needed - self._remaining) / rate)

    def take(self, amount: float) -> None:
        self._remaining -= amount

    def exhaust(self) -> None:
        """Empty the bucket, after a 429."""
        self._remaining = min(self._remaining, 0.0)


class RateLimiter:
    """Grants permits for calls to one model, one at a time.

    The first call goes alone as a probe: its answer tells the limits, the refused parameters and whether the
    model's answers are of use, so that no other call is refused, or paid for in vain, for the same reason. If
    the server reports no limits, no call waits.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._answered = asyncio.Event()  # whether any call has been answered
        self._probing = False
        self._resume_at = 0.0
        self._sent = {"requests": 0.0, "tokens": 0.0}
        self._buckets: dict[str, _TokenBucket] = {}

    @property
    def paused_for(self) -> float:
        """The remaining seconds of the pause that the server asked for."""
        return max(0.0, self._resume_at - time.monotonic())

    def per_second(self, name: str) -> float | None:
        """Return how many "requests" or "tokens" the server allows a second; None if not known yet."""
        bucket = self._buckets.get(name)
        return bucket.refill_rate if bucket else None

    async def acquire(self, tokens: int) -> Permit:
        """Wait for a permit. tokens: the most that the call may use, prompt and completion together."""
        async with self._lock:
            if self._probing and not self._answered.is_set():
                await self._answered.wait()
            amounts = {"requests": 1.0, "tokens": float(tokens)}
            while wait := self._wait(amounts):  # noqa: ASYNC110 (answers may change it while we sleep)
                await asyncio.sleep(min(wait, _RECHECK))
            for name, amount in amounts.items():
                self._sent[name] += amount
                if name in self._buckets:
                    self._buckets[name].take(amount)
            self._probing = True
            return Permit(dict(self._sent))

    def _wait(self, amounts: Mapping[str, float]) -> float:
        waits = (bucket.wait(amounts[name]) for name, bucket in self._buckets.items())
        return max(self.paused_for, *waits, 0.0)

    def update_from_headers(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """Apply an answer's x-ratelimit headers, unless a newer answer was applied before."""
        for name, sent in permit.sent.items():
            try:
                limit = float(headers[f"x-ratelimit-limit-{name}"])
                remaining = float(headers[f"x-ratelimit-remaining-{name}"])
                reset = parse_duration(headers[f"x-ratelimit-reset-{name}"])
            except (KeyError, ValueError):
                continue
            if limit <= 0:
                continue
            bucket = self._buckets.get(name)
            if bucket is None or bucket.limit != limit:
                bucket = self._buckets[name] = _TokenBucket(limit)
            bucket.update(remaining, reset, sent_then=sent, sent_now=self._sent[name])

    def end_probe(self) -> None:
        """Let all calls go: one has been answered."""
        self._answered.set()

    def release_probe(self) -> None:
        """Let the next call go as the probe if the first one ended without an answer of use."""
        if not self._answered.is_set():
            self._probing = False
            self._answered.set()
            self._answered = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """Hold all calls back, for as long as a 429 asked for."""
        for bucket in self._buckets.values():
            bucket.exhaust()
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)


def parse_duration(duration: str) -> float:
    """Return the seconds of `6m0s`, `120ms` or `1.5`. Raises ValueError for anything else."""
    parts = _DURATION.findall(duration.strip())
    if not parts or "".join(map("".join, parts)) != duration.strip():
        raise ValueError(f"{duration!r} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
