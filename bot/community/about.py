"""What /about shows: the answering model, its dataset, and totals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.refreshed import Refreshed
from bot.store import datasets, models, statistics
from bot.store.database import Database
from bot.store.datasets import Dataset
from bot.store.models import Model
from bot.store.statistics import Totals


@dataclass(frozen=True, slots=True)
class Overview:
    """The live model and its dataset, both None while the base model answers.

    base: what the live model was tuned from, a tuned model or a name; without one, the model that answers.
    """

    base: Model | str
    live: Model | None
    dataset: Dataset | None
    totals: Totals


@asynccontextmanager
async def open_about(db: Database, *, base: str) -> AsyncIterator["About"]:
    """Open the overview, and end at last what it counts in the background."""
    about = About(db, base=base)
    try:
        yield about
    finally:
        await about.aclose()


class About:
    """Reads the overview of this installation.

    Totals are counted from whole tables, whenever somebody asks; those of millions of votes, which take
    seconds, serve for a minute or two.
    """

    def __init__(self, db: Database, *, base: str) -> None:
        self._db = db
        self._base = base
        self._totals = Refreshed[Totals](lifetime=0.0, most=1)

    async def aclose(self) -> None:
        """End what is being counted."""
        await self._totals.aclose()

    async def now(self) -> Overview:
        async with self._db.read() as tx:
            live = await models.get_live(tx)
            dataset = await datasets.get(tx, live.dataset_id) if live else None
            base: Model | str = live.base if live else self._base
            base = (await models.get_by_name(tx, live.base) if live else None) or base
        return Overview(base, live, dataset, await self._totals.get_new(None, self._count))

    async def _count(self) -> Totals:
        async with self._db.read() as tx:
            return await statistics.get_totals(tx)
