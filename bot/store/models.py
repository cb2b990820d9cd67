"""Queries on models: names the API answers to, one of them live."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select, update

from bot.store.database import Transaction
from bot.store.schema import model

State = Literal["candidate", "live", "retired"]


@dataclass(frozen=True, slots=True)
class Model:
    """A tuned model; metrics hold the held-out loss before and after its training."""

    id: int
    name: str
    base: str
    dataset_id: int
    job_id: int
    state: State
    metrics: dict[str, Any]
    created_at: float


async def add(
    tx: Transaction,
    *,
    name: str,
    base: str,
    dataset_id: int,
    job_id: int,
    state: State,
    metrics: dict[str, Any],
    at: float,
) -> Model:
    """Register a model. Raises IntegrityError where it is known, or where another is live already."""
    values = {
        "name": name,
        "base": base,
        "dataset_id": dataset_id,
        "job_id": job_id,
        "state": state,
        "metrics": metrics,
        "created_at": at,
    }
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


async def put(tx: Transaction, model_id: int, state: State) -> None:
    await tx.execute(update(model).where(model.c.id == model_id).values(state=state))
