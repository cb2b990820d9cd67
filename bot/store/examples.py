"""Queries on examples: every answer a model was paid for, found again by its key."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import func, select, update

from bot.store.database import Transaction
from bot.store.schema import example, pace, review
from bot.store.text import storable

Verdict = Literal["keep", "edit", "reject"]

_CHUNK = 500


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
    """A paid answer, what the provider's moderation said of it, and what a person did.

    edited is their text.
    """

    id: int
    key: str
    answer: str
    finish_reason: str
    flagged: bool | None
    verdict: Verdict | None
    edited: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer of a model takes on average, in tokens."""

    prompt_tokens: float
    completion_tokens: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model answered last time, and what its server's limits allowed, each per second."""

    answers: float
    requests: float | None
    tokens: float | None


async def answers(tx: Transaction, keys: Sequence[str]) -> dict[str, Answered]:
    """The answers that are there already, by key."""
    rows = await tx.execute(_answered().where(example.c.key.in_(keys), example.c.answer.is_not(None)))
    return {row.key: Answered(*row) for row in rows}


async def count_answered(tx: Transaction, keys: Sequence[str]) -> int:
    """How many of these requests have an answer."""
    query = select(func.count()).where(example.c.key.in_(keys), example.c.answer.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def get(tx: Transaction, example_id: int) -> Answered | None:
    row = (await tx.execute(_answered().where(example.c.id == example_id))).one_or_none()
    return Answered(*row) if row else None


def _answered() -> Any:
    columns = (
        example.c.id,
        example.c.key,
        example.c.answer,
        example.c.finish_reason,
        example.c.flagged,
        review.c.verdict,
        review.c.text,
    )
    return select(*columns).select_from(example).outerjoin(review, review.c.example_id == example.c.id)


async def asked(tx: Transaction, request: Request, *, at: float) -> None:
    """Note that the call goes out now: were the process killed, this one call may be paid twice."""
    again = await tx.execute(update(example).where(example.c.key == request.key).values(asked_at=at))
    if again.rowcount == 0:
        await tx.execute(example.insert().values(key=request.key, asked_at=at, **asdict(request)))


async def answered(
    tx: Transaction,
    request: Request,
    *,
    answer: str,
    finish_reason: str,
    prompt_tokens: int,
    completion_tokens: int,
    at: float,
) -> Answered:
    """Keep an answer. The first one stays: a second arrival changes nothing."""
    key = request.key
    values: dict[str, Any] = {
        "answer": storable(answer),
        "finish_reason": finish_reason,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "answered_at": at,
    }
    waiting = update(example).where(example.c.key == key, example.c.answer.is_(None))
    kept = (await tx.execute(waiting.values(values).returning(example.c.id))).scalar_one_or_none()
    if kept is not None:
        return Answered(kept, key, values["answer"], finish_reason, None, None, None)
    known = (await answers(tx, [key])).get(key)
    if known is None:  # nobody noted that it was asked
        await tx.execute(example.insert().values(key=key, **asdict(request), **values))
        known = (await answers(tx, [key]))[key]
    return known


async def expect(tx: Transaction, requests: Sequence[Request]) -> None:
    """Note requests that go out in a batch, so that their answers can be joined by key."""
    keys = [request.key for request in requests]
    known: set[str] = set()
    for at in range(0, len(keys), _CHUNK):
        some = select(example.c.key).where(example.c.key.in_(keys[at : at + _CHUNK]))
        known.update((await tx.execute(some)).scalars())
    rows = [
        {"key": key, **asdict(each)} for key, each in zip(keys, requests, strict=True) if key not in known
    ]
    if rows:
        await tx.execute(example.insert(), rows)


async def joined(
    tx: Transaction,
    key: str,
    *,
    answer: str,
    finish_reason: str,
    prompt_tokens: int,
    completion_tokens: int,
    at: float,
) -> bool:
    """Keep the answer to an expected request. False, and nothing changed, where there is one already."""
    waiting = update(example).where(example.c.key == key, example.c.answer.is_(None))
    values: dict[str, Any] = {
        "answer": storable(answer),
        "finish_reason": finish_reason,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "answered_at": at,
    }
    return (await tx.execute(waiting.values(values))).rowcount == 1


async def failed(tx: Transaction, key: str) -> None:
    """Note that a call came back without an answer: it is not in the air any more."""
    await tx.execute(update(example).where(example.c.key == key).values(asked_at=None))


async def lost(tx: Transaction, model: str) -> int:
    """How many calls to a model went out and never came back; from now on they count as never made."""
    gone = (example.c.asked_at.is_not(None), example.c.answer.is_(None), example.c.model == model)
    return (await tx.execute(update(example).where(*gone).values(asked_at=None))).rowcount


async def flag(tx: Transaction, example_id: int, *, flagged: bool) -> None:
    """Keep what the provider's moderation said of an answer."""
    await tx.execute(update(example).where(example.c.id == example_id).values(flagged=flagged))


async def judge(tx: Transaction, example_id: int, verdict: Verdict, *, edited: str | None, at: float) -> None:
    """Keep a person's verdict; a later one takes the place of the one before."""
    values = {"verdict": verdict, "text": edited, "at": at}
    changed = await tx.execute(update(review).where(review.c.example_id == example_id).values(values))
    if changed.rowcount == 0:
        await tx.execute(review.insert().values(example_id=example_id, **values))


async def usage(tx: Transaction, model: str) -> Usage | None:
    """What the last thousand answers of a model took; None where it has given none."""
    last = (
        select(example.c.prompt_tokens, example.c.completion_tokens)
        .where(example.c.model == model, example.c.answer.is_not(None))
        .order_by(example.c.id.desc())
        .limit(1000)
        .subquery()
    )
    row = (await tx.execute(select(func.avg(last.c.prompt_tokens), func.avg(last.c.completion_tokens)))).one()
    return None if row[0] is None else Usage(float(row[0]), float(row[1]))


async def speed(tx: Transaction, model: str) -> Speed | None:
    """How fast a model answered the last build; None where there was none."""
    columns = (pace.c.answers, pace.c.requests, pace.c.tokens)
    row = (await tx.execute(select(*columns).where(pace.c.model == model))).one_or_none()
    return Speed(*row) if row else None


async def clocked(tx: Transaction, model: str, speed: Speed, *, at: float) -> None:
    """Keep how fast a model answered."""
    values = {**asdict(speed), "at": at}
    changed = await tx.execute(update(pace).where(pace.c.model == model).values(values))
    if changed.rowcount == 0:
        await tx.execute(pace.insert().values(model=model, **values))
