"""When to save the training state: often, but a large one takes time to write."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS = 30.0  # of work that a crash may cost, if saving is quick
_SHARE = 1 / 20  # of the time that may go into saving


class SaveSchedule:
    """Remembers when the state was saved, and how long that took."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now; `clock` returns seconds."""
        self._clock = clock
        self._saved = clock()
        self._took = 0.0

    def is_due(self, *, ends_epoch: bool) -> bool:
        """Return whether to save after a step: also after each epoch, if saving is quick."""
        least = self._took / _SHARE
        return self._clock() - self._saved > (least if ends_epoch else max(least, _SECONDS))

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Save during the block."""
        started = self._clock()
        yield
        self._saved = self._clock()
        self._took = self._saved - started
