"""Health: whether the event loop beats, and whether everything that an answer needs is there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import openai

from bot.app import App
from bot.errors import HerosmithError
from bot.histogram import SHORT_SECONDS, Histogram
from bot.monitoring.collectors import Gateway

_BEAT = 1.0  # seconds
_LONGEST_PAUSE = 30.0  # seconds without a beat after which the loop counts as stuck
_CHECK_TIMEOUT = 5.0  # seconds for each check


class Heartbeat:
    """Beats in the event loop, and counts how late each beat was."""

    def __init__(self) -> None:
        self.lag = Histogram(SHORT_SECONDS)
        self._last = time.monotonic()

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            self.lag.observe(max(0.0, now - self._last - _BEAT))
            self._last = now

    @property
    def is_alive(self) -> bool:
        """Whether the last beat is recent. After a pause of the whole process, it is not until the next."""
        return time.monotonic() - self._last < _LONGEST_PAUSE


async def readiness(app: App, gateway: Gateway | None) -> dict[str, bool]:
    """Return for each thing that an answer needs whether it is there. gateway: None in a worker."""
    database, models = await asyncio.gather(_is_writable(app), _answers(app))
    found = {"database": database, "model_server": models}
    return found if gateway is None else {"gateway": gateway.connected, **found}


async def _is_writable(app: App) -> bool:
    with suppress(HerosmithError, TimeoutError):
        async with asyncio.timeout(_CHECK_TIMEOUT):
            await app.db.check_writable()
            return True
    return False


async def _answers(app: App) -> bool:
    """Return whether the model server answers; whether it has the models is seen by who asks one."""
    try:
        await app.client.api.models.list(timeout=_CHECK_TIMEOUT)
    except openai.APIStatusError as error:
        return error.status_code < 500
    except openai.APIResponseValidationError:
        return True
    except openai.OpenAIError:
        return False
    return True
