"""Which descriptions a tuned model has learnt: it finds them likelier, whatever they are worth."""

from collections.abc import Iterable

from sqlalchemy import select

from bot.store import models
from bot.store.database import Transaction
from bot.store.models import Model
from bot.store.schema import dataset_item


async def learnt_by(tx: Transaction, model: Model) -> frozenset[int]:
    """Return the descriptions that a model, and the tuned models that it comes from, trained on.

    The worse ones of pairs are among them.
    """
    versions = await _versions(tx, model)
    trained = (dataset_item.c.dataset_id.in_(list(versions)), dataset_item.c.split == "train")
    better = select(dataset_item.c.source_id).where(*trained, dataset_item.c.source == "description")
    worse = select(dataset_item.c.rejected_id).where(*trained, dataset_item.c.rejected_id.is_not(None))
    return frozenset((await tx.execute(better.union(worse))).scalars())


async def _versions(tx: Transaction, model: Model) -> Iterable[int]:
    """Return the datasets of a model, and of the tuned models that it comes from."""
    by_name = {each.name: each for each in await models.list_all(tx)}
    versions = {model.dataset_id}
    while (base := by_name.get(model.base)) is not None:
        versions.add(base.dataset_id)
        model = base
    return versions
