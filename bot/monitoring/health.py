"""Health: whether the event loop beats, and whether everything that an answer needs is there."""

import asyncio
import faulthandler
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import openai
from openai import AsyncOpenAI

from bot.app import App
from bot.errors import HerosmithError
from bot.histogram import SHORT_SECONDS, Histogram
from bot.monitoring.gateway import Gateway

_BEAT = 1.0  # seconds
STUCK_AFTER = 120.0  # seconds without a beat; Discord drops the connection after one minute
_CHECK_TIMEOUT = 5.0  # seconds for each check


class Heartbeat:
    """Beats in the event loop, and counts how late each beat was.

    A process whose loop stands still answers nobody, and only a restart helps: it is ended, so that what
    supervises it starts it anew.
    """

    def __init__(self) -> None:
        self.lag = Histogram(SHORT_SECONDS)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat during the block. If the loop misses all beats for STUCK_AFTER, end the process with code 1.

        All stacks are written to standard error first. One block at a time: the process has one such timer.
        """
        _put_off_the_end()
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beat(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            self.lag.observe(max(0.0, now - last - _BEAT))
            last = now
            _put_off_the_end()


def _put_off_the_end() -> None:
    """Begin to wait anew for a beat.

    The waiting thread is not one of Python's: a regular expression, for example, lets no other of those run.
    """
    faulthandler.dump_traceback_later(STUCK_AFTER, exit=True, file=sys.__stderr__ or 2)


async def readiness(app: App, gateway: Gateway | None) -> dict[str, bool]:
    """Return for each thing that an answer needs whether it is there. gateway: None in a worker."""
    database, models = await asyncio.gather(_database_writable(app), _model_server_answers(app))
    found = {"database": database, "model_server": models}
    return found if gateway is None else {"gateway": gateway.connected, **found}


async def _database_writable(app: App) -> bool:
    with suppress(HerosmithError, TimeoutError):
        async with asyncio.timeout(_CHECK_TIMEOUT):
            await app.db.check_writable()
            return True
    return False


async def _model_server_answers(app: App) -> bool:
    """Return whether a model server answers; it may still lack the models that are asked of it."""
    return any(await asyncio.gather(*map(_answers, app.client.replicas.apis)))


async def _answers(api: AsyncOpenAI) -> bool:
    try:
        await api.models.list(timeout=_CHECK_TIMEOUT)
    except openai.APIStatusError as error:
        return error.status_code < 500
    except openai.APIResponseValidationError:
        return True
    except openai.OpenAIError:
        return False
    return True
