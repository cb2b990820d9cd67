"""Queries on models: what was tuned here, which of them is live, and what became of each."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select, update

from bot.store.database import Transaction
from bot.store.schema import dataset, model, model_event

State = Literal["candidate", "live", "retired"]
What = Literal[
    "registered",
    "deployed",
    "first",
    "promoted",
    "override",
    "rolled back",
    "fell back",
    "lost",
    "challenges",
    "outvoted",
    "retired",
]


@dataclass(frozen=True, slots=True)
class Model:
    """A tuned model; metrics hold the held-out loss before and after its training.

    served_as is the name that chats give, None until the model is deployed; retires_on the day (YYYY-MM-DD)
    on which its server shuts it or its base down, None where none is known. challenges_until: until when it
    may win back the place that it lost.
    """

    id: int
    name: str
    base: str
    dataset_id: int
    job_id: int
    state: State
    metrics: dict[str, Any]
    served_as: str | None
    retires_on: str | None
    challenges_until: float | None
    created_at: float


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """What happened to a model, when and by whom; replaced_id is the live model whose place it took."""

    id: int
    model_id: int
    what: What
    replaced_id: int | None
    actor_id: int | None
    at: float


async def add(tx: Transaction, **values: Any) -> Model:
    """Register a model; values name every column but id, retires_on and challenges_until.

    Raises IntegrityError where it is known, or where another is live already.
    """
    row = (await tx.execute(model.insert().values(values).returning(*model.c))).one()
    return Model(**row._mapping)


async def named(tx: Transaction, name: str) -> Model | None:
    row = (await tx.execute(select(model).where(model.c.name == name))).one_or_none()
    return Model(**row._mapping) if row else None


async def get(tx: Transaction, model_id: int) -> Model | None:
    row = (await tx.execute(select(model).where(model.c.id == model_id))).one_or_none()
    return Model(**row._mapping) if row else None


async def live(tx: Transaction) -> Model | None:
    row = (await tx.execute(select(model).where(model.c.state == "live"))).one_or_none()
    return Model(**row._mapping) if row else None


async def every(tx: Transaction) -> list[Model]:
    return [Model(**row._mapping) for row in await tx.execute(select(model).order_by(model.c.id))]


async def dataset_hash(tx: Transaction, model_id: int) -> str:
    """The content hash of the dataset that a model learnt from."""
    query = select(dataset.c.content_hash, dataset.c.recipe).join(model, model.c.dataset_id == dataset.c.id)
    content_hash, recipe = (await tx.execute(query.where(model.c.id == model_id))).one()
    return str(recipe.get("frozen_as", content_hash))  # another one after a deletion


async def change(tx: Transaction, model_id: int, **values: Any) -> None:
    await tx.execute(update(model).where(model.c.id == model_id).values(**values))


async def note(
    tx: Transaction,
    model_id: int,
    what: What,
    *,
    at: float,
    replaced_id: int | None = None,
    actor_id: int | None = None,
) -> None:
    """Keep what happened to a model."""
    values = {
        "model_id": model_id,
        "what": what,
        "replaced_id": replaced_id,
        "actor_id": actor_id,
        "at": at,
    }
    await tx.execute(model_event.insert().values(values))


async def events(tx: Transaction, model_id: int | None = None) -> list[ModelEvent]:
    """What happened to a model or to all of them, in the order in which it did."""
    query = select(model_event).order_by(model_event.c.id)
    if model_id is not None:
        query = query.where(model_event.c.model_id == model_id)
    return [ModelEvent(**row._mapping) for row in await tx.execute(query)]
