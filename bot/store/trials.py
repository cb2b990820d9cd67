"""Queries on trials, a candidate's challenges to the live model."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import or_, select, update

from bot.store.database import Transaction
from bot.store.schema import model, trial

State = Literal["running", "won", "lost", "undecided", "stopped"]
Test = Literal["uniform", "bimodal"]  # bot/rating/sequential_test.py has them


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's challenge to the live model; won and lost are from the candidate's side.

    test: what decides it from its first vote to its last. To change that midway, knowing some results, would
    be a second chance for an error.
    """

    id: int
    live_id: int
    candidate_id: int
    state: State
    started_at: float
    ended_at: float | None
    test: Test


async def add(tx: Transaction, *, live_id: int, candidate_id: int, test: Test, at: float) -> Trial:
    """Add a running trial. Raise IntegrityError if one is running already."""
    values = {
        "live_id": live_id,
        "candidate_id": candidate_id,
        "state": "running",
        "test": test,
        "started_at": at,
    }
    row = (await tx.execute(trial.insert().values(values).returning(*trial.c))).one()
    return Trial(**row._mapping)


async def get_running(tx: Transaction) -> Trial | None:
    row = (await tx.execute(select(trial).where(trial.c.state == "running"))).one_or_none()
    return Trial(**row._mapping) if row else None


async def get_known(tx: Transaction, trial_id: int) -> Trial:
    """Return a trial that a row refers to. In a writing transaction it stays as it is until the end."""
    row = (await tx.execute(select(trial).where(trial.c.id == trial_id))).one()
    return Trial(**row._mapping)


async def get(tx: Transaction, trial_id: int) -> Trial | None:
    row = (await tx.execute(select(trial).where(trial.c.id == trial_id))).one_or_none()
    return Trial(**row._mapping) if row else None


async def list_newest(tx: Transaction, limit: int) -> list[Trial]:
    """Return the newest trials, newest first."""
    query = select(trial).order_by(trial.c.id.desc()).limit(limit)
    return [Trial(**row._mapping) for row in await tx.execute(query)]


async def list_by_live(tx: Transaction, live_id: int) -> list[Trial]:
    """Return all trials in which a model was the live one."""
    query = select(trial).where(trial.c.live_id == live_id).order_by(trial.c.id)
    return [Trial(**row._mapping) for row in await tx.execute(query)]


async def list_by_model(tx: Transaction, model_id: int) -> list[Trial]:
    """Return all trials of a model, on either side."""
    either = or_(trial.c.live_id == model_id, trial.c.candidate_id == model_id)
    return [
        Trial(**row._mapping) for row in await tx.execute(select(trial).where(either).order_by(trial.c.id))
    ]


async def end(tx: Transaction, trial_id: int, state: State, *, at: float) -> None:
    await tx.execute(update(trial).where(trial.c.id == trial_id).values(state=state, ended_at=at))


async def stop_invalid(tx: Transaction, *, at: float) -> None:
    """Stop the running trial if its live model is no longer live or its candidate no longer a candidate."""
    live = select(model.c.id).where(model.c.state == "live")
    candidates = select(model.c.id).where(model.c.state == "candidate")
    invalid = or_(trial.c.live_id.not_in(live), trial.c.candidate_id.not_in(candidates))
    await tx.execute(
        update(trial).where(trial.c.state == "running", invalid).values(state="stopped", ended_at=at)
    )
