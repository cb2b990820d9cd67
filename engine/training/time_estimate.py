"""How long the rest of a training will take, from the speed of its latest steps."""

from collections import deque

_STEPS = 20  # the latest ones count: other work on the machine comes and goes
_READING = 1 / 3  # of a step's time for as many tokens: measuring a loss has no backward pass


class TimeEstimate:
    """Remembers the latest steps. Their time is nearly proportional to their tokens, which differ by half."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, float]] = deque(maxlen=_STEPS)
        self._is_warm = False

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step, but not the first one of this process, which prepares what the others use again."""
        if self._is_warm:
            self._steps.append((tokens, seconds))
        self._is_warm = True

    def seconds(self, *, learned: int, read: int) -> float | None:
        """Return the time for steps of `learned` tokens and losses of `read` ones; None if nothing tells."""
        if not self._steps:
            return None
        tokens, seconds = map(sum, zip(*self._steps, strict=True))
        return seconds / tokens * (learned + _READING * read)
