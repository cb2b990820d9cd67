"""The pace of a build: what to expect before it starts, and what it turns out to be."""

import time
from collections.abc import Callable

from bot.settings import ENGINE_MODEL
from bot.store.examples import Speed

# The packaged weights on two idle cores, where a default build takes 72 s with OpenVINO and 220 s with llama.cpp alone;
# a build here measures anew.
_ENGINE_SPEED = Speed(answers=2.5, requests=None, tokens=None)
START_SECONDS = 5.0  # until a model is loaded and the dataset frozen, however many examples there are

_PRIOR_WAVES = 2  # of answers: so much weight has the expected pace beside the measured one


def default_speed(model: str) -> Speed | None:
    """Return how fast a model may answer here before any build has measured it; None if nobody knows."""
    return _ENGINE_SPEED if model == ENGINE_MODEL else None


class PaceMeter:
    """Measures a build's pace from the end of the first wave: until then the model is loaded.

    workers: answers of a wave. expected: examples per second, None if nobody knows; it is what the pace
    begins with, so that a forecast does not jump with the first few answers.
    """

    def __init__(
        self, workers: int, expected: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._workers = workers
        self._expected = expected
        self._clock = clock
        self._answers = self._examples = 0
        self._since: float | None = None
        self._examples_before = 0

    def add(self, *, done: bool) -> None:
        """Count an answer; done tells whether its slot needs no other."""
        self._answers += 1
        self._examples += done
        if self._answers == self._workers:
            self._since, self._examples_before = self._clock(), self._examples

    @property
    def examples_per_second(self) -> float | None:
        """The pace for a forecast; None until it is known."""
        if self._since is None:
            return self._expected
        done, seconds = self._examples - self._examples_before, self._clock() - self._since
        if self._expected is not None:
            weight = _PRIOR_WAVES * self._workers
            done, seconds = done + weight, seconds + weight / self._expected
        return done / seconds if done and seconds else None

    @property
    def answers_per_second(self) -> float | None:
        """The measured pace of answers; None after less than two further waves, which tell too little."""
        after = self._answers - self._workers
        if self._since is None or after < 2 * self._workers:
            return None
        return after / max(self._clock() - self._since, 1e-6)
