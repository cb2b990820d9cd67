"""Contents: the frozen datasets, and the texts in them."""

from bot.errors import UserError
from bot.i18n.message import mark
from bot.store import datasets
from bot.store.database import Database
from bot.store.datasets import Dataset, Item

NO_DATASET = mark(
    "There is no dataset yet. Make one with `{/build-dataset source:shipped}`, in seconds, of the texts that "
    "come with the bot; or with `{/build-dataset}`, for which a model writes new ones."
)


class DatasetContents:
    """Looks up datasets by version, and what is in them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Dataset]:
        """Return all versions, newest first."""
        async with self._db.read() as tx:
            return await datasets.list_all(tx)

    async def get(self, version: int | None = None) -> Dataset:
        """Return a version, by default the newest of texts. Raises UserError if there is none."""
        async with self._db.read() as tx:
            found = await (datasets.get_latest(tx) if version is None else datasets.get(tx, version))
        if found is None and version is None:
            raise UserError(NO_DATASET)
        if found is None:
            raise UserError("There is no dataset v{version}. `{/dataset list}` shows all.", version=version)
        return found

    async def items(self, version: int) -> list[Item]:
        """Return the texts of a version that may train, in order."""
        async with self._db.read() as tx:
            return await datasets.list_items(tx, version)
