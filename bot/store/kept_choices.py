"""Queries on kept choices: what rankings of many descriptions were made by last."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import kept_choice
from bot.store.upsert import upsert

_KEPT = 90 * 86_400.0  # seconds after which a choice that nobody renewed goes


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """What was kept, and when, in seconds since 1970."""

    value: Any
    at: float


async def get(tx: Transaction, key: str) -> KeptChoice | None:
    """Return what was kept under a key; None if nothing was."""
    query = select(kept_choice.c.value, kept_choice.c.at).where(kept_choice.c.key == key)
    row = (await tx.execute(query)).one_or_none()
    return KeptChoice(*row) if row else None


async def put(tx: Transaction, key: str, value: Any, *, at: float) -> None:
    """Keep a value under a key, in place of an earlier one, and delete what is old."""
    await upsert(tx, kept_choice, [(key, json.dumps(value), at)])
    await tx.execute(delete(kept_choice).where(kept_choice.c.at < at - _KEPT))
