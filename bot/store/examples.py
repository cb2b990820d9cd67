"""Queries on examples: every answer a model was paid for, found again by its key."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Select, bindparam, func, select, update

from bot.heroes.hero import Hero
from bot.store.database import Transaction
from bot.store.schema import example, pace, review
from bot.store.types import storable

Verdict = Literal["keep", "edit", "reject"]

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of which model, and how: together the key under which the answer is kept."""

    hero: Hero
    repeat: int
    attempt: int
    template_version: int
    model: str
    params: dict[str, Any]

    @property
    def key(self) -> str:
        parts = {**self.hero.identity(), **self._settings()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def columns(self) -> dict[str, Any]:
        return {**self.hero.as_dict(), **self._settings()}

    def _settings(self) -> dict[str, Any]:
        """Return all other fields; asdict() would copy the parameters for every key."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "hero"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that goes out, and when."""

    request: Request
    at: float


@dataclass(frozen=True, slots=True)
class Received:
    """An answer to a request, and when it came."""

    request: Request
    answer: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    at: float

    @property
    def columns(self) -> dict[str, Any]:
        """The answer as the request's row has it."""
        return {
            "answer": storable(self.answer),
            "finish_reason": self.finish_reason,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "answered_at": self.at,
        }


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


async def asked(tx: Transaction, sent: Sequence[Sent]) -> list[None]:
    """Note calls that go out now: were the process killed, each of them may be paid twice."""
    by_key = {each.request.key: each for each in sent}
    known = set((await tx.execute(_with_keys(by_key))).scalars())
    fresh = [
        {"key": key, "asked_at": each.at, **each.request.columns}
        for key, each in by_key.items()
        if key not in known
    ]
    if fresh:
        await tx.execute(example.insert(), fresh)
    if known:
        await tx.execute(_ASKED_AGAIN, [{"its_key": key, "asked_at": by_key[key].at} for key in known])
    return [None] * len(sent)


async def answered(tx: Transaction, received: Sequence[Received]) -> list[Answered]:
    """Keep answers. The first one to a request stays: a second arrival changes nothing."""
    by_key: dict[str, Received] = {}
    for each in received:
        by_key.setdefault(each.request.key, each)
    waiting = await tx.execute(_waiting(by_key))
    values = [{"its_id": row.id, **by_key[row.key].columns} for row in waiting]
    if values:
        await tx.execute(_ANSWERED, values)
    kept = await answers(tx, list(by_key))
    unasked = [
        {"key": key, **each.request.columns, **each.columns}
        for key, each in by_key.items()
        if key not in kept  # nobody noted that it was asked
    ]
    if unasked:
        await tx.execute(example.insert(), unasked)
        kept |= await answers(tx, [row["key"] for row in unasked])
    return [kept[each.request.key] for each in received]


def _with_keys(keys: Collection[str]) -> Select[str]:
    return select(example.c.key).where(example.c.key.in_(keys))


def _waiting(keys: Collection[str]) -> Select[int, str]:
    """Rows without an answer; no other process answers them before this transaction ends."""
    open_ = (example.c.key.in_(keys), example.c.answer.is_(None))
    return select(example.c.id, example.c.key).where(*open_).with_for_update()


_ASKED_AGAIN = update(example).where(example.c.key == bindparam("its_key"))
_ANSWERED = update(example).where(example.c.id == bindparam("its_id"))


async def expect(tx: Transaction, requests: Sequence[Request]) -> None:
    """Note requests that go out in a batch, so that their answers can be joined by key."""
    keys = [request.key for request in requests]
    known: set[str] = set()
    for at in range(0, len(keys), _CHUNK):
        known.update((await tx.execute(_with_keys(keys[at : at + _CHUNK]))).scalars())
    rows = [
        {"key": key, **each.columns} for key, each in zip(keys, requests, strict=True) if key not in known
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
