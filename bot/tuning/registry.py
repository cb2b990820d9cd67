"""The registry of tuned models: candidates, retired ones, and the single live one that serves."""

import time
from typing import Any

from bot.errors import UserError
from bot.store import models
from bot.store.database import Database
from bot.store.models import Model


class Registry:
    """Knows every model that was tuned here. The database itself keeps the live one single."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def live(self) -> Model | None:
        async with self._db.read() as tx:
            return await models.live(tx)

    async def every(self) -> list[Model]:
        """All models, the oldest first."""
        async with self._db.read() as tx:
            return await models.every(tx)

    async def register(
        self, *, name: str, base: str, dataset_id: int, job_id: int, metrics: dict[str, Any]
    ) -> Model:
        """Enter a model: the first goes live, later ones are candidates. Entered again, it stays as it is."""
        async with self._db.write() as tx:
            known = await models.named(tx, name)
            if known:
                return known
            return await models.add(
                tx,
                name=name,
                base=base,
                dataset_id=dataset_id,
                job_id=job_id,
                state="candidate" if await models.live(tx) else "live",
                metrics=metrics,
                at=time.time(),
            )

    async def promote(self, model_id: int) -> Model:
        """Make a model the live one and retire the one before, in one transaction.

        Raises UserError where there is no such model.
        """
        async with self._db.write() as tx:
            chosen = await models.get(tx, model_id)
            if chosen is None:
                raise UserError(f"There is no model {model_id}. `herosmith models` lists them.")
            before = await models.live(tx)
            if before and before.id != model_id:
                await models.put(tx, before.id, "retired")
            await models.put(tx, model_id, "live")
        return chosen
