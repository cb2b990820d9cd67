"""Queries on datasets: immutable numbered snapshots."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import func, select

from bot.store.database import Transaction
from bot.store.schema import dataset, dataset_item

Split = Literal["train", "valid"]


@dataclass(frozen=True, slots=True)
class Item:
    """One text as it was frozen, with the row it came from."""

    split: Split
    prompt: str
    text: str
    source: Literal["example", "description"]
    source_id: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A snapshot; its id is the version that people see."""

    id: int
    kind: str
    content_hash: str
    recipe: dict[str, Any]
    counts: dict[str, int]
    created_at: float


async def add(
    tx: Transaction,
    items: Sequence[Item],
    *,
    kind: str,
    content_hash: str,
    recipe: dict[str, Any],
    counts: dict[str, int],
    at: float,
) -> Dataset:
    values = {
        "id": ((await tx.execute(select(func.max(dataset.c.id)))).scalar() or 0) + 1,
        "kind": kind,
        "content_hash": content_hash,
        "recipe": recipe,
        "counts": counts,
        "created_at": at,
    }
    row = (await tx.execute(dataset.insert().values(values).returning(*dataset.c))).one()
    rows = [
        {"dataset_id": row.id, "position": position, **asdict(item)} for position, item in enumerate(items)
    ]
    await tx.execute(dataset_item.insert(), rows)
    return Dataset(**row._mapping)


async def with_hash(tx: Transaction, content_hash: str) -> Dataset | None:
    row = (await tx.execute(select(dataset).where(dataset.c.content_hash == content_hash))).one_or_none()
    return Dataset(**row._mapping) if row else None


async def get(tx: Transaction, version: int) -> Dataset | None:
    row = (await tx.execute(select(dataset).where(dataset.c.id == version))).one_or_none()
    return Dataset(**row._mapping) if row else None


async def latest(tx: Transaction) -> Dataset | None:
    newest = select(dataset).order_by(dataset.c.id.desc()).limit(1)
    row = (await tx.execute(newest)).one_or_none()
    return Dataset(**row._mapping) if row else None


async def items(tx: Transaction, version: int) -> list[Item]:
    columns = (
        dataset_item.c.split,
        dataset_item.c.prompt,
        dataset_item.c.text,
        dataset_item.c.source,
        dataset_item.c.source_id,
    )
    query = select(*columns).where(dataset_item.c.dataset_id == version).order_by(dataset_item.c.position)
    return [Item(*row) for row in await tx.execute(query)]
