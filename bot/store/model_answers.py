"""Queries on the answers by which tuned models are checked. Each is stored once, as soon as it arrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from bot.heroes.hero import Hero
from bot.store.database import Transaction
from bot.store.hero_columns import pop_hero
from bot.store.schema import model_answer
from bot.store.types import storable
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's raw answer to one request, and the tokens it took; key is the request's hash."""

    model_id: int
    key: str
    hero: Hero
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    at: float


async def add_all(tx: Transaction, answers: Sequence[ModelAnswer]) -> list[None]:
    """Store answers. One that two workers paid for is stored once."""
    rows = [
        (
            each.model_id,
            each.key,
            *each.hero.as_dict().values(),
            storable(each.text),
            each.finish_reason,
            each.prompt_tokens,
            each.completion_tokens,
            each.at,
        )
        for each in answers
    ]
    await upsert(tx, model_answer, rows)
    return [None] * len(answers)


async def list_of(tx: Transaction, model_id: int) -> list[ModelAnswer]:
    query = select(model_answer).where(model_answer.c.model_id == model_id)
    return [_answer(dict(row._mapping)) for row in await tx.execute(query)]


async def get_average_tokens(tx: Transaction) -> tuple[float, float] | None:
    """Return the average tokens of prompt and answer, over all models; None before the first answer."""
    columns = (func.avg(model_answer.c.prompt_tokens), func.avg(model_answer.c.completion_tokens))
    prompt, completion = (await tx.execute(select(*columns))).one()
    return None if prompt is None else (float(prompt), float(completion))


def _answer(values: dict[str, Any]) -> ModelAnswer:
    hero = pop_hero(values)
    return ModelAnswer(hero=hero, **values)
