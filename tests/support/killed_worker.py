"""A worker in a process of its own, which may kill itself before a transaction."""

import asyncio
import os
import signal
from typing import Any

from sqlalchemy import Connection, Engine, event

from bot.app import Timing, open_app
from bot.jobs.queue import WorkerTiming
from bot.settings import Settings
from bot.tuning.follow import TrainingTiming

# The worker before is certainly dead; transactions are counted, so no heartbeat may come between.
_TIMING = Timing(
    worker=WorkerTiming(heartbeat=3600.0, stale_after=0.0),
    training=TrainingTiming(poll=0.01, listed_within=0.2),
)
_WRITES = ("INSERT", "UPDATE", "DELETE")


def work(settings: Settings, kill_at: int | None) -> None:
    """Run jobs until none is left; die by SIGKILL just before the kill_at-th transaction is committed."""
    if kill_at is not None:
        _kill_at(kill_at)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    async with open_app(settings, _TIMING) as app:
        while await app.worker.run_next():
            pass


def _kill_at(number: int) -> None:
    written = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def _executes(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(_WRITES):
            connection.info["writes"] = True

    @event.listens_for(Engine, "commit")
    def _commits(connection: Connection) -> None:
        nonlocal written
        if connection.info.pop("writes", False):
            written += 1
            if written == number:
                os.kill(os.getpid(), signal.SIGKILL)
