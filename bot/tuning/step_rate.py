"""How fast steps are done, as it is measured while they are."""

import time


class StepRate:
    """Steps a second since the first step that was seen, once it has settled."""

    def __init__(self, least_steps: int, least_seconds: float = 5.0) -> None:
        """least_steps and least_seconds are to be seen before a speed is told."""
        self._least_steps = least_steps
        self._least_seconds = least_seconds
        self._first: tuple[int, float] | None = None
        self._last = 0

    def rate(self, done: int) -> float | None:
        """Note how many steps are done now. Return the speed; None as long as it is unknown."""
        now = time.monotonic()
        if done < self._last:  # a training went back to its last saved state, or other steps began
            self._first = None
        self._last = done
        if self._first is None:
            self._first = (done, now) if done else None
            return None
        steps, seconds = done - self._first[0], now - self._first[1]
        return steps / seconds if steps >= self._least_steps and seconds >= self._least_seconds else None
