"""What /about shows: the answering model, its dataset, and totals."""

from dataclasses import dataclass

from bot.store import datasets, models, statistics
from bot.store.database import Database
from bot.store.datasets import Dataset
from bot.store.models import Model
from bot.store.statistics import Totals


@dataclass(frozen=True, slots=True)
class Overview:
    """The live model and its dataset, both None while the base model answers; the base model's name."""

    base: str
    live: Model | None
    dataset: Dataset | None
    totals: Totals


class About:
    """Reads the overview of this installation."""

    def __init__(self, db: Database, *, base: str) -> None:
        self._db = db
        self._base = base

    async def now(self) -> Overview:
        async with self._db.read() as tx:
            live = await models.get_live(tx)
            dataset = await datasets.get(tx, live.dataset_id) if live else None
            return Overview(live.base if live else self._base, live, dataset, await statistics.get_totals(tx))
