"""Queries on examples: the cache of answers of author models, by the key of the request."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from sqlalchemy import Select, bindparam, case, func, select, update

from bot.heroes.hero import FIELD_NAMES, Hero
from bot.store.database import Transaction
from bot.store.schema import example, pace, review
from bot.store.types import storable

Verdict = Literal["keep", "edit", "reject"]

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of which model with which parameters; together they are the key of the answer."""

    hero: Hero
    repeat: int
    attempt: int
    template_version: int
    model: str
    params: dict[str, Any]

    @property
    def key(self) -> str:
        """The SHA-256 of the request, in hexadecimal digits."""
        parts = {**self.hero.identity(), **self._settings()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the request's row."""
        return {**self.hero.as_dict(), **self._settings()}

    def _settings(self) -> dict[str, Any]:
        """Return all other fields; asdict() would copy the parameters for every key."""
        return {name: getattr(self, name) for name in _SETTINGS}


_SETTINGS = tuple(field.name for field in fields(Request) if field.name != "hero")


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request and the moment at which it is sent."""

    request: Request
    at: float


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """An answer to a request and the moment at which it arrived."""

    request: Request
    answer: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    at: float

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the answer in the request's row."""
        return {
            "answer": storable(self.answer),
            "finish_reason": self.finish_reason,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "answered_at": self.at,
        }


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A stored answer, the result of the provider's moderation and the operator's verdict.

    edited is the operator's text if the verdict is "edit".
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
    """The average tokens of a request to a model, and how many answers an example takes on average."""

    prompt_tokens: float
    completion_tokens: float
    attempts: float = 1.0


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model answered in the last build, and the rate limits of its server, each per second."""

    answers: float
    requests: float | None
    tokens: float | None


async def get_answers(tx: Transaction, keys: Sequence[str]) -> dict[str, StoredAnswer]:
    """Return the stored answers, by key."""
    rows = await tx.execute(_answered().where(example.c.key.in_(keys), example.c.answer.is_not(None)))
    return {row.key: StoredAnswer(*row) for row in rows}


async def get_requests(tx: Transaction, keys: Sequence[str]) -> dict[str, Request]:
    """Return the noted requests, by key."""
    columns = [example.c[name] for name in (*FIELD_NAMES, *_SETTINGS)]
    rows = await tx.execute(select(example.c.key, *columns).where(example.c.key.in_(keys)))
    return {
        row.key: Request(
            Hero(**{name: getattr(row, name) for name in FIELD_NAMES}),
            **{name: getattr(row, name) for name in _SETTINGS},
        )
        for row in rows
    }


async def count_answered(tx: Transaction, keys: Sequence[str]) -> int:
    """Return how many of these requests have an answer."""
    query = select(func.count()).where(example.c.key.in_(keys), example.c.answer.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def list_answered(tx: Transaction) -> list[tuple[Hero, StoredAnswer]]:
    """Return every stored answer with its hero, in the order in which they were asked for."""
    query = _answered().add_columns(*(example.c[name] for name in FIELD_NAMES))
    rows = await tx.execute(query.where(example.c.answer.is_not(None)).order_by(example.c.id))
    width = len(fields(StoredAnswer))
    return [(Hero(*row[width:]), StoredAnswer(*row[:width])) for row in rows]


async def get(tx: Transaction, example_id: int) -> StoredAnswer | None:
    row = (await tx.execute(_answered().where(example.c.id == example_id))).one_or_none()
    return StoredAnswer(*row) if row else None


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


async def mark_asked(tx: Transaction, sent: Sequence[SentRequest]) -> list[None]:
    """Note requests that are sent now. If the process is killed, each of them may be paid twice."""
    by_key = {item.request.key: item for item in sent}
    known = set((await tx.execute(_with_keys(by_key))).scalars())
    fresh = [
        {"key": key, "asked_at": item.at, **item.request.columns}
        for key, item in by_key.items()
        if key not in known
    ]
    if fresh:
        await tx.execute(example.insert(), fresh)
    if known:
        await tx.execute(_ASKED_AGAIN, [{"its_key": key, "asked_at": by_key[key].at} for key in known])
    return [None] * len(sent)


async def add_answers(tx: Transaction, received: Sequence[ReceivedAnswer]) -> list[StoredAnswer]:
    """Store answers. The first answer to a request is kept: a second one changes nothing."""
    by_key: dict[str, ReceivedAnswer] = {}
    for answer in received:
        by_key.setdefault(answer.request.key, answer)
    waiting = await tx.execute(_waiting(by_key))
    values = [{"its_id": row.id, **by_key[row.key].columns} for row in waiting]
    if values:
        await tx.execute(_ANSWERED, values)
    kept = await get_answers(tx, list(by_key))
    unasked = [
        {"key": key, **answer.request.columns, **answer.columns}
        for key, answer in by_key.items()
        if key not in kept  # its request was never noted
    ]
    if unasked:
        await tx.execute(example.insert(), unasked)
        kept |= await get_answers(tx, [row["key"] for row in unasked])
    return [kept[answer.request.key] for answer in received]


def _with_keys(keys: Collection[str]) -> Select[str]:
    return select(example.c.key).where(example.c.key.in_(keys))


def _waiting(keys: Collection[str]) -> Select[int, str]:
    """Select rows without an answer, locked against other processes until the transaction ends."""
    open_ = (example.c.key.in_(keys), example.c.answer.is_(None))
    return select(example.c.id, example.c.key).where(*open_).with_for_update()


_ASKED_AGAIN = update(example).where(example.c.key == bindparam("its_key"))
_ANSWERED = update(example).where(example.c.id == bindparam("its_id"))


async def add_requests(tx: Transaction, requests: Sequence[Request]) -> None:
    """Note requests that are sent in a batch, so that answers can be stored by key."""
    keys = [request.key for request in requests]
    known: set[str] = set()
    for start in range(0, len(keys), _CHUNK):
        known.update((await tx.execute(_with_keys(keys[start : start + _CHUNK]))).scalars())
    pairs = zip(keys, requests, strict=True)
    rows = [{"key": key, **request.columns} for key, request in pairs if key not in known]
    if rows:
        await tx.execute(example.insert(), rows)


async def add_answer(
    tx: Transaction,
    key: str,
    *,
    answer: str,
    finish_reason: str,
    prompt_tokens: int,
    completion_tokens: int,
    at: float,
) -> bool:
    """Store the answer to a noted request. Return False, and change nothing, if it has one already."""
    waiting = update(example).where(example.c.key == key, example.c.answer.is_(None))
    values: dict[str, Any] = {
        "answer": storable(answer),
        "finish_reason": finish_reason,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "answered_at": at,
    }
    return (await tx.execute(waiting.values(values))).rowcount == 1


async def mark_failed(tx: Transaction, key: str) -> None:
    """Note that a call failed, so that it is no longer under way."""
    await tx.execute(update(example).where(example.c.key == key).values(asked_at=None))


async def reset_unanswered(tx: Transaction, model: str) -> int:
    """Reset requests to a model that never got an answer, as if never sent. Return how many there were."""
    unanswered = (example.c.asked_at.is_not(None), example.c.answer.is_(None), example.c.model == model)
    return (await tx.execute(update(example).where(*unanswered).values(asked_at=None))).rowcount


async def set_flagged(tx: Transaction, example_id: int, *, flagged: bool) -> None:
    """Store the result of the provider's moderation."""
    await tx.execute(update(example).where(example.c.id == example_id).values(flagged=flagged))


async def set_review(
    tx: Transaction, example_id: int, verdict: Verdict, *, edited: str | None, at: float
) -> None:
    """Store an operator's verdict; it replaces an earlier one."""
    values = {"verdict": verdict, "text": edited, "at": at}
    changed = await tx.execute(update(review).where(review.c.example_id == example_id).values(values))
    if changed.rowcount == 0:
        await tx.execute(review.insert().values(example_id=example_id, **values))


async def get_usage(tx: Transaction, model: str) -> Usage | None:
    """Return the average usage of a model's last thousand answers, or None if it has none."""
    last = (
        select(example.c.prompt_tokens, example.c.completion_tokens, example.c.attempt)
        .where(example.c.model == model, example.c.answer.is_not(None))
        .order_by(example.c.id.desc())
        .limit(1000)
        .subquery()
    )
    first = func.sum(case((last.c.attempt == 0, 1), else_=0))
    columns = (func.avg(last.c.prompt_tokens), func.avg(last.c.completion_tokens), func.count(), first)
    prompt_tokens, completion_tokens, answers, slots = (await tx.execute(select(*columns))).one()
    if not answers:
        return None
    return Usage(float(prompt_tokens), float(completion_tokens), answers / max(1, slots))


async def get_speed(tx: Transaction, model: str) -> Speed | None:
    """Return the speed of a model in the last build, or None if there was none."""
    columns = (pace.c.answers, pace.c.requests, pace.c.tokens)
    row = (await tx.execute(select(*columns).where(pace.c.model == model))).one_or_none()
    return Speed(*row) if row else None


async def set_speed(tx: Transaction, model: str, speed: Speed, *, at: float) -> None:
    """Store the speed of a model."""
    values = {**asdict(speed), "at": at}
    changed = await tx.execute(update(pace).where(pace.c.model == model).values(values))
    if changed.rowcount == 0:
        await tx.execute(pace.insert().values(model=model, **values))
