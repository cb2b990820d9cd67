"""Interactions: commands, buttons, forms and mentions, as they are counted, timed and logged."""

import logging
import re
import time
from collections import Counter, defaultdict
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Literal, get_args

import aiohttp

from bot.histogram import SHORT_SECONDS, Histogram
from bot.logs import begin_reference

log = logging.getLogger(__name__)

Outcome = Literal["answered", "refused", "unavailable", "undelivered", "failed"]
"""refused: the person can correct it; unavailable: a service, or the budget; failed: a defect of ours."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_CALLBACK = re.compile(r"/interactions/\d+/[^/]+/callback$")


@dataclass(slots=True)
class _Interaction:
    """One that is being answered in this task, since a moment of the monotonic clock."""

    name: str
    started: float
    acknowledged: bool = False
    ended: bool = False


_current: ContextVar[_Interaction | None] = ContextVar("interaction", default=None)


class Interactions:
    """The counts since the start. Names are of commands, of the classes of buttons and forms, or mention."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.acknowledgements: dict[str, Histogram] = defaultdict(partial(Histogram, SHORT_SECONDS))
        self.answers: dict[str, Histogram] = defaultdict(Histogram)

    def expect(self, name: str) -> None:
        """Begin the counts of a name at zero: Prometheus sees no increase from nothing to one."""
        for outcome in OUTCOMES:
            self.outcomes[name, outcome] += 0

    def begin(self, name: str) -> None:
        """Begin one, with a reference of its own, for the rest of this task and the tasks that it starts."""
        begin_reference()
        self.expect(name)
        _current.set(_Interaction(name, time.monotonic()))

    def end(self, outcome: Outcome) -> None:
        """Count and log the one of this task, unless it has ended."""
        current = _current.get()
        if current is None or current.ended:
            return
        current.ended = True
        seconds = time.monotonic() - current.started
        self.outcomes[current.name, outcome] += 1
        self.answers[current.name].observe(seconds)
        log.info("%s: %s after %.2f s", current.name, outcome, seconds)

    def trace(self) -> aiohttp.TraceConfig:
        """Return what lets discord.py's HTTP client tell when Discord has the first answer."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._on_request_end)
        return config

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        request: aiohttp.TraceRequestEndParams,
    ) -> None:
        current = _current.get()
        if current is None or current.acknowledged or not _CALLBACK.search(request.url.path):
            return
        if request.response.ok:
            current.acknowledged = True
            self.acknowledgements[current.name].observe(time.monotonic() - current.started)
