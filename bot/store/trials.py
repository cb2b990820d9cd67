"""Queries on trials: a candidate's challenges to the live model."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import or_, select, update

from bot.store.database import Transaction
from bot.store.schema import model, trial

State = Literal["running", "won", "lost", "undecided", "stopped"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's challenge to the live model, from the candidate's side: won means that it won."""

    id: int
    live_id: int
    candidate_id: int
    state: State
    started_at: float
    ended_at: float | None


async def begin(tx: Transaction, *, live_id: int, candidate_id: int, at: float) -> Trial:
    """Raises IntegrityError where one runs already."""
    values = {"live_id": live_id, "candidate_id": candidate_id, "state": "running", "started_at": at}
    row = (await tx.execute(trial.insert().values(values).returning(*trial.c))).one()
    return Trial(**row._mapping)


async def running(tx: Transaction) -> Trial | None:
    row = (await tx.execute(select(trial).where(trial.c.state == "running"))).one_or_none()
    return Trial(**row._mapping) if row else None


async def locked(tx: Transaction, trial_id: int) -> Trial:
    """The trial, with its row kept from other writers (SQLite lets only one write anyway)."""
    row = (await tx.execute(select(trial).where(trial.c.id == trial_id).with_for_update())).one()
    return Trial(**row._mapping)


async def get(tx: Transaction, trial_id: int) -> Trial | None:
    row = (await tx.execute(select(trial).where(trial.c.id == trial_id))).one_or_none()
    return Trial(**row._mapping) if row else None


async def against(tx: Transaction, live_id: int) -> list[Trial]:
    """All trials in which a model had to defend its place."""
    query = select(trial).where(trial.c.live_id == live_id).order_by(trial.c.id)
    return [Trial(**row._mapping) for row in await tx.execute(query)]


async def of_model(tx: Transaction, model_id: int) -> list[Trial]:
    """All trials that a model took part in, on either side."""
    part = or_(trial.c.live_id == model_id, trial.c.candidate_id == model_id)
    return [Trial(**row._mapping) for row in await tx.execute(select(trial).where(part).order_by(trial.c.id))]


async def end(tx: Transaction, trial_id: int, state: State, *, at: float) -> None:
    await tx.execute(update(trial).where(trial.c.id == trial_id).values(state=state, ended_at=at))


async def stop_void(tx: Transaction, *, at: float) -> None:
    """Stop the running trial where its live model is not live, or its candidate no candidate any more."""
    live = select(model.c.id).where(model.c.state == "live")
    candidates = select(model.c.id).where(model.c.state == "candidate")
    void = or_(trial.c.live_id.not_in(live), trial.c.candidate_id.not_in(candidates))
    await tx.execute(
        update(trial).where(trial.c.state == "running", void).values(state="stopped", ended_at=at)
    )
