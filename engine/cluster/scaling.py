"""How many replicas there should be: more while answers wait, fewer when fewer would do."""

from dataclasses import dataclass

from engine.limits import SLOTS

_SCARCE_SECONDS = 2.0  # that answers wait before a replica is added: it takes seconds to start
_IDLE_SECONDS = 60.0  # that one replica less would do before one leaves
_FULL = SLOTS // 2
"""Answers at once that a replica is kept for."""


@dataclass(frozen=True)
class Limits:
    """The fewest and the most replicas."""

    fewest: int
    most: int | None
    """None: one on each node."""

    def clamp(self, wanted: int, nodes: int) -> int:
        """Return a number of replicas within the limits."""
        most = self.most if self.most is not None else max(nodes, self.fewest)
        return max(self.fewest, min(wanted, most))


class Scaling:
    """Decides from the queue. Ask it about every second."""

    def __init__(
        self, *, scarce_seconds: float = _SCARCE_SECONDS, idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        """`idle_seconds` is how long one replica less would have done before one leaves."""
        self._scarce_seconds = scarce_seconds
        self._idle_seconds = idle_seconds
        self._scarce_since: float | None = None
        self._idle_since: float | None = None

    def wanted(self, now: float, *, replicas: int, running: int, waiting: int) -> int:
        """Return how many replicas there should be, given how many there are, or start.

        running, waiting: answers. now: seconds.
        """
        self._scarce_since = (self._scarce_since or now) if waiting else None
        is_idle = not waiting and running <= (replicas - 1) * _FULL
        self._idle_since = (self._idle_since or now) if is_idle else None
        if self._scarce_since is not None and now - self._scarce_since >= self._scarce_seconds:
            self._scarce_since = now  # the next one only if answers still wait then
            return replicas + 1
        if self._idle_since is not None and now - self._idle_since >= self._idle_seconds:
            self._idle_since = now
            return replicas - 1
        return replicas
