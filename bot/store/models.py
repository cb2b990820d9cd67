"""Queries on tuned models and their history."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select, update

from bot.store.database import Transaction
from bot.store.job_schema import Verdict
from bot.store.schema import dataset, model, model_event

State = Literal["unchecked", "held back", "candidate", "live", "retired"]
EventKind = Literal[
    "registered",
    "deployed",
    "passed",
    "held back",
    "first",
    "promoted",
    "override",
    "overruled",
    "rolled back",
    "fell back",
    "lost",
    "challenges",
    "outvoted",
    "retired",
    "pruned",
]


@dataclass(frozen=True, slots=True)
class Model:
    """A tuned model; metrics has its held-out loss before and after training.

    It is unchecked until its texts are read; verdict is what that found, None before. served_as is the model
    name in chat requests, None until the model is deployed. retires_on is the day (YYYY-MM-DD) on which its
    server shuts down it or its base, None if none is known. challenges_until: until when it may win its place
    back after it was replaced. pruned_at: when its files were deleted to free disk space.
    """

    id: int
    name: str
    base: str
    dataset_id: int
    job_id: int
    state: State
    metrics: dict[str, Any]
    verdict: Verdict | None
    served_as: str | None
    retires_on: str | None
    challenges_until: float | None
    created_at: float
    pruned_at: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """An event in a model's history; replaced_id is the live model that it replaced."""

    id: int
    model_id: int
    what: EventKind
    replaced_id: int | None
    actor_id: int | None
    at: float


_GET_LIVE = select(model).where(model.c.state == "live")  # made once, as every /hero asks for it


def _model(row: Row[Any]) -> Model:
    columns = dict(row._mapping)
    if columns["verdict"] is not None:
        columns["verdict"] = Verdict.from_json(columns["verdict"])
    return Model(**columns)


async def add(tx: Transaction, **values: Any) -> Model:
    """Add a model; values are all columns but id, verdict, retires_on, challenges_until and pruned_at.

    Raise IntegrityError if its name is known, or another model is live already.
    """
    row = (await tx.execute(model.insert().values(values).returning(*model.c))).one()
    return _model(row)


async def get_by_name(tx: Transaction, name: str) -> Model | None:
    row = (await tx.execute(select(model).where(model.c.name == name))).one_or_none()
    return _model(row) if row else None


async def get(tx: Transaction, model_id: int) -> Model | None:
    row = (await tx.execute(select(model).where(model.c.id == model_id))).one_or_none()
    return _model(row) if row else None


async def get_live(tx: Transaction) -> Model | None:
    row = (await tx.execute(_GET_LIVE)).one_or_none()
    return _model(row) if row else None


async def list_all(tx: Transaction) -> list[Model]:
    return [_model(row) for row in await tx.execute(select(model).order_by(model.c.id))]


async def newest_trained_on(tx: Transaction, dataset_id: int, base: str) -> Model | None:
    """Return the newest model that was trained on a dataset from a base."""
    same = (model.c.dataset_id == dataset_id, model.c.base == base)
    row = (await tx.execute(select(model).where(*same).order_by(model.c.id.desc()).limit(1))).one_or_none()
    return _model(row) if row else None


async def get_dataset_hash(tx: Transaction, model_id: int) -> str:
    """Return the content hash under which the dataset of a model was frozen."""
    query = select(dataset.c.content_hash, dataset.c.recipe).join(model, model.c.dataset_id == dataset.c.id)
    content_hash, recipe = (await tx.execute(query.where(model.c.id == model_id))).one()
    return str(recipe.get("frozen_as", content_hash))  # content_hash changes after a deletion


async def change(tx: Transaction, model_id: int, **values: Any) -> None:
    await tx.execute(update(model).where(model.c.id == model_id).values(**values))


async def add_event(
    tx: Transaction,
    model_id: int,
    what: EventKind,
    *,
    at: float,
    replaced_id: int | None = None,
    actor_id: int | None = None,
) -> None:
    """Add an event to a model's history."""
    values = {
        "model_id": model_id,
        "what": what,
        "replaced_id": replaced_id,
        "actor_id": actor_id,
        "at": at,
    }
    await tx.execute(model_event.insert().values(values))


async def list_events(tx: Transaction, model_id: int | None = None) -> list[ModelEvent]:
    """Return the events of a model, or of all, in order."""
    query = select(model_event).order_by(model_event.c.id)
    if model_id is not None:
        query = query.where(model_event.c.model_id == model_id)
    return [ModelEvent(**row._mapping) for row in await tx.execute(query)]
