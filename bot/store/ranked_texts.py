"""Queries on the texts that the ranker chooses from, and on how likely models find texts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from bot.heroes.hero import FIELD_NAMES, Hero
from bot.store.database import Transaction
from bot.store.hero_columns import pop_hero
from bot.store.schema import ranked_text, text_log_prob
from bot.store.types import storable
from bot.store.upsert import upsert

_CHUNK = 500  # keys per query


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A model's raw answer to one request, and the tokens it took; key is the request's hash."""

    model_id: int
    key: str
    hero: Hero
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    at: float


@dataclass(frozen=True, slots=True)
class RankedText:
    """A stored text. flagged: by the provider's moderation, None if it was not called."""

    id: int
    key: str
    hero: Hero
    text: str
    finish_reason: str
    flagged: bool | None


async def add_all(tx: Transaction, written: Sequence[WrittenText]) -> list[None]:
    """Store texts. Of one that two workers paid for, the first stays."""
    model_ids = {each.model_id for each in written}
    known = {
        (row.model_id, row.key)
        for model_id in model_ids
        for row in await tx.execute(
            select(ranked_text.c.model_id, ranked_text.c.key).where(
                ranked_text.c.model_id == model_id,
                ranked_text.c.key.in_([each.key for each in written]),
            )
        )
    }
    rows = {
        (each.model_id, each.key): {
            "model_id": each.model_id,
            "key": each.key,
            **each.hero.as_dict(),
            "text": storable(each.text),
            "finish_reason": each.finish_reason,
            "prompt_tokens": each.prompt_tokens,
            "completion_tokens": each.completion_tokens,
            "at": each.at,
        }
        for each in reversed(written)
    }
    if missing := [row for key, row in rows.items() if key not in known]:
        await tx.execute(ranked_text.insert(), missing)
    return [None] * len(written)


async def get_many(tx: Transaction, model_id: int, keys: Sequence[str]) -> dict[str, RankedText]:
    """Return a model's stored texts, by key."""
    names = ("id", "key", *FIELD_NAMES, "text", "finish_reason", "flagged")
    columns = [ranked_text.c[name] for name in names]
    found: dict[str, RankedText] = {}
    for start in range(0, len(keys), _CHUNK):
        wanted = ranked_text.c.model_id == model_id, ranked_text.c.key.in_(keys[start : start + _CHUNK])
        for row in await tx.execute(select(*columns).where(*wanted)):
            values: dict[str, Any] = dict(row._mapping)
            found[row.key] = RankedText(hero=pop_hero(values), **values)
    return found


async def count(tx: Transaction, model_id: int, keys: Sequence[str]) -> int:
    """Return how many of these requests a model has answered."""
    total = 0
    for start in range(0, len(keys), _CHUNK):
        wanted = ranked_text.c.model_id == model_id, ranked_text.c.key.in_(keys[start : start + _CHUNK])
        total += (await tx.execute(select(func.count()).where(*wanted))).scalar_one()
    return total


async def get_average_tokens(tx: Transaction) -> tuple[float, float] | None:
    """Return the average tokens of prompt and answer, over all models; None before the first answer."""
    columns = (func.avg(ranked_text.c.prompt_tokens), func.avg(ranked_text.c.completion_tokens))
    prompt, completion = (await tx.execute(select(*columns))).one()
    return None if prompt is None else (float(prompt), float(completion))


async def set_flagged(tx: Transaction, text_id: int, *, flagged: bool) -> None:
    """Store the result of the provider's moderation."""
    await tx.execute(update(ranked_text).where(ranked_text.c.id == text_id).values(flagged=flagged))


async def get_log_probs(tx: Transaction, model_id: int, digests: Collection[str]) -> dict[str, float]:
    """Return the log-probabilities that are known of texts, by digest."""
    wanted, found = list(digests), dict[str, float]()
    columns = text_log_prob.c.digest, text_log_prob.c.log_prob
    for start in range(0, len(wanted), _CHUNK):
        chosen = text_log_prob.c.digest.in_(wanted[start : start + _CHUNK])
        query = select(*columns).where(text_log_prob.c.model_id == model_id, chosen)
        found |= {row.digest: row.log_prob for row in await tx.execute(query)}
    return found


async def add_log_probs(tx: Transaction, model_id: int, log_probs: Mapping[str, float]) -> None:
    """Store log-probabilities, by digest."""
    await upsert(tx, text_log_prob, [(model_id, *each) for each in log_probs.items()])
