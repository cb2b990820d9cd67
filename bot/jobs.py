"""Jobs: long work that a cog or the terminal asks for and a worker does. Data meets in the job's row."""

import time
from typing import Any

from bot.errors import Busy
from bot.store import jobs
from bot.store.database import Database
from bot.store.jobs import Job, Kind

_NAMES: dict[Kind, str] = {"build": "dataset build", "finetune": "fine-tuning"}


class JobBoard:
    """Takes orders for jobs and tells how they stand."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def submit(
        self,
        kind: Kind,
        spec: dict[str, Any],
        *,
        requester_id: int | None = None,
        channel_id: int | None = None,
    ) -> Job:
        """Queue a job. Raises Busy where one of the kind is active."""
        async with self._db.write() as tx:
            other = await jobs.active(tx, kind)
            if other:
                at = f" ({other.done} of {other.total})" if other.total else ""
                raise Busy(f"A {_NAMES[kind]} is running already{at}. Wait for its end, then ask again.")
            return await jobs.add(
                tx,
                kind=kind,
                spec=spec,
                requester_id=requester_id,
                channel_id=channel_id,
                at=time.time(),
            )

    async def get(self, job_id: int) -> Job:
        async with self._db.read() as tx:
            return await jobs.get(tx, job_id)

    async def unannounced(self) -> list[Job]:
        """Jobs of a channel that are active, or whose end nobody has been told yet."""
        async with self._db.read() as tx:
            return await jobs.unannounced(tx)

    async def shown_in(self, job_id: int, message_id: int) -> None:
        """Note which message shows the job's progress."""
        async with self._db.write() as tx:
            await jobs.change(tx, job_id, message_id=message_id)

    async def announced(self, job_id: int) -> None:
        """Note that the job's end was told."""
        async with self._db.write() as tx:
            await jobs.change(tx, job_id, announced=True)
