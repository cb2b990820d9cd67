"""Queries on examples: every answer a model was paid for, found again by its key."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import example


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of which model, and how: together the key under which the answer is kept."""

    age: int
    gender: str
    power: str
    repeat: int
    attempt: int
    template_version: int
    model: str
    params: dict[str, Any]

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answered:
    """A paid answer; tokens as the server counted them."""

    id: int
    key: str
    answer: str
    finish_reason: str


async def answers(tx: Transaction, keys: Sequence[str]) -> dict[str, Answered]:
    """The answers that are there already, by key."""
    columns = (example.c.id, example.c.key, example.c.answer, example.c.finish_reason)
    rows = await tx.execute(select(*columns).where(example.c.key.in_(keys), example.c.answer.is_not(None)))
    return {row.key: Answered(*row) for row in rows}


async def asked(tx: Transaction, request: Request, *, at: float) -> None:
    """Note that the call goes out now: were the process killed, this one call may be paid twice."""
    again = await tx.execute(update(example).where(example.c.key == request.key).values(asked_at=at))
    if again.rowcount == 0:
        await tx.execute(example.insert().values(key=request.key, asked_at=at, **asdict(request)))


async def answered(
    tx: Transaction,
    key: str,
    *,
    answer: str,
    finish_reason: str,
    prompt_tokens: int,
    completion_tokens: int,
    at: float,
) -> Answered:
    """Keep an answer. The first one stays: a second arrival changes nothing."""
    await tx.execute(
        update(example)
        .where(example.c.key == key, example.c.answer.is_(None))
        .values(
            answer=answer,
            finish_reason=finish_reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            answered_at=at,
        )
    )
    return (await answers(tx, [key]))[key]


async def refused(tx: Transaction, key: str) -> None:
    """Note that a call came back without an answer: it is not in flight any more."""
    await tx.execute(update(example).where(example.c.key == key).values(asked_at=None))


async def in_flight(tx: Transaction, model: str) -> int:
    """How many calls to a model went out and never came back: a resumed build repeats those."""
    lost = (example.c.asked_at.is_not(None), example.c.answer.is_(None), example.c.model == model)
    query = select(func.count()).where(*lost)
    return int((await tx.execute(query)).scalar_one())
