"""Queries on datasets, immutable numbered snapshots, and on imported texts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, Text, cast, delete, func, or_, select, true, update

from bot.chat import Message
from bot.heroes.first_dataset import ORIGINS, Origin
from bot.heroes.hero import FIELD_NAMES
from bot.store.database import Transaction
from bot.store.gallery import is_public
from bot.store.job_schema import Changes
from bot.store.schema import dataset, dataset_item, description, example, imported, ranked_text, review

Split = Literal["train", "valid"]
Source = Literal["example", "description", "scene", "import", "ranked"] | Origin
DatasetKind = Literal["sft", "preference", "thumbs"]
"""Single texts, pairs of a better and a worse one, or single texts that were liked or voted down."""

_CHUNK = 5000  # rows written at once
_SHOWN = ("description", "scene")  # the sources that are descriptions


class Item(NamedTuple):
    """One frozen text with the row that it came from; in a preference dataset, the better of two.

    rejected is the worse text, rejected_id its description. In a dataset of thumbs, a text that was voted
    down is the rejected one, and text is empty. chat: the turns before a scene, from the prompt on; the text
    continues the last one if that is the assistant's. None of other texts, which answer the prompt.
    """

    split: Split
    prompt: str
    text: str
    source: Source
    source_id: int
    rejected: str | None = None
    rejected_id: int | None = None
    chat: list[Message] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether it is, or has, a text to learn from."""
        return bool(self.text)


@dataclass(frozen=True, slots=True)
class SourcedText:
    """A text of a dataset with the columns of its source.

    asked, the author model's prompt, and sub_prompt are None unless the text is from a file.
    """

    hero: tuple[str, ...]  # the fields of a Hero as text; imports of earlier versions may hold anything
    position: int
    split: Split
    text: str
    source: Source
    asked: str | None
    sub_prompt: str | None
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """An example of a dataset that no operator has reviewed."""

    example_id: int
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A snapshot; its id is the version that people see.

    rebuild: a text had to be deleted from it, so nothing is trained on it any more. Its content_hash then
    matches no content, and the original one is in the recipe as frozen_as.
    """

    id: int
    kind: DatasetKind
    content_hash: str
    recipe: dict[str, Any]
    counts: dict[str, int]
    rebuild: bool
    created_at: float


async def add(
    tx: Transaction,
    items: Iterable[Item],
    *,
    kind: DatasetKind,
    content_hash: str,
    recipe: dict[str, Any],
    counts: dict[str, int],
    at: float,
) -> Dataset:
    """Add a dataset under the next version."""
    values = {
        "id": ((await tx.execute(select(func.max(dataset.c.id)))).scalar() or 0) + 1,
        "kind": kind,
        "content_hash": content_hash,
        "recipe": recipe,
        "counts": counts,
        "created_at": at,
    }
    row = (await tx.execute(dataset.insert().values(values).returning(*dataset.c))).one()
    rows = (
        {"dataset_id": row.id, "position": position, **item._asdict()} for position, item in enumerate(items)
    )
    for chunk in _chunks(rows):
        await tx.execute(dataset_item.insert(), chunk)
    return Dataset(**row._mapping)


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


async def get_by_hash(tx: Transaction, content_hash: str) -> Dataset | None:
    row = (await tx.execute(select(dataset).where(dataset.c.content_hash == content_hash))).one_or_none()
    return Dataset(**row._mapping) if row else None


async def get(tx: Transaction, version: int) -> Dataset | None:
    row = (await tx.execute(select(dataset).where(dataset.c.id == version))).one_or_none()
    return Dataset(**row._mapping) if row else None


async def list_all(tx: Transaction) -> list[Dataset]:
    """Return all datasets, newest first."""
    return [
        Dataset(**row._mapping) for row in await tx.execute(select(dataset).order_by(dataset.c.id.desc()))
    ]


async def get_latest(tx: Transaction, kind: DatasetKind = "sft") -> Dataset | None:
    newest = select(dataset).where(dataset.c.kind == kind).order_by(dataset.c.id.desc()).limit(1)
    row = (await tx.execute(newest)).one_or_none()
    return Dataset(**row._mapping) if row else None


async def get_largest(tx: Transaction, kind: DatasetKind) -> Dataset | None:
    """Return the dataset of a kind that has the most texts to learn from; None if none of it may train."""
    found = [each for each in await list_all(tx) if each.kind == kind and not each.rebuild]
    return max(found, key=lambda each: each.counts.get("train", 0), default=None)


async def get_changes(tx: Transaction, version: int, *, since: int) -> Changes:
    """Return what a version added and dropped since another one."""
    return Changes(since, await _only_in(tx, version, since), await _only_in(tx, since, version))


async def _only_in(tx: Transaction, version: int, other: int) -> dict[str, int]:
    """Count, by source, the texts (or pairs) of a version that another one lacks."""
    columns = [dataset_item.c[name] for name in ("source", "prompt", "text", "rejected")]
    here, there = (
        select(*columns).where(dataset_item.c.dataset_id == id_, ~dataset_item.c.deleted)
        for id_ in (version, other)
    )
    only = here.except_(there).subquery()
    query = select(only.c.source, func.count()).group_by(only.c.source)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def list_items(tx: Transaction, version: int) -> list[Item]:
    """Return the items of a dataset that may train."""
    columns = (
        dataset_item.c.split,
        dataset_item.c.prompt,
        dataset_item.c.text,
        dataset_item.c.source,
        dataset_item.c.source_id,
        dataset_item.c.rejected,
        dataset_item.c.rejected_id,
        dataset_item.c.chat,
    )
    query = select(*columns).where(*_trains(version)).order_by(dataset_item.c.position)
    return [Item(*row) for row in await tx.execute(query)]


class TrainedText(NamedTuple):
    """A text that a dataset's models learn from, and whether people liked it as a description."""

    text: str
    liked: bool


async def list_trained_texts(
    tx: Transaction,
    version: int,
    *,
    guild_id: int | None,
    channel_id: int | None,
    most_liked: int,
    most_others: int,
) -> list[TrainedText]:
    """Return texts of a dataset that people in a place may see: so many liked ones, and so many others.

    Of those that people asked for, they see the ones of their own server (in direct messages, of the channel)
    and those that the gallery shows to everyone. Scenes are left out.
    """
    place = description.c.channel_id if guild_id is None else description.c.guild_id
    may_see = select(description.c.id).where(
        description.c.id == dataset_item.c.source_id,
        description.c.removed_at.is_(None),
        or_(
            place == (channel_id if guild_id is None else guild_id),
            is_public(),
        ),
    )
    trained = select(dataset_item.c.text).where(
        dataset_item.c.dataset_id == version,
        dataset_item.c.split == "train",
        dataset_item.c.deleted.is_(False),
        dataset_item.c.text != "",
        dataset_item.c.source != "scene",
    )
    is_liked = dataset_item.c.source == "description"
    ordered = trained.order_by(dataset_item.c.position)
    liked = await tx.execute(ordered.where(is_liked, may_see.exists()).limit(most_liked))
    others = await tx.execute(ordered.where(~is_liked).limit(most_others))
    return [
        *(TrainedText(row.text, liked=True) for row in liked),
        *(TrainedText(row.text, liked=False) for row in others),
    ]


def _trains(version: int) -> tuple[ColumnElement[bool], ...]:
    """Select a dataset's items, except redacted ones and those that have or quote what is hidden now."""
    hidden = _with_scenes_after(select(description.c.id).where(description.c.removed_at.is_not(None)))
    return (
        dataset_item.c.dataset_id == version,
        dataset_item.c.deleted.is_(False),
        or_(dataset_item.c.source.not_in(_SHOWN), dataset_item.c.source_id.not_in(hidden)),
        or_(dataset_item.c.rejected_id.is_(None), dataset_item.c.rejected_id.not_in(hidden)),
    )


def _with_scenes_after(texts: Select[Any]) -> Select[int]:
    """Select the ids of texts, given by a query for them, and of scenes of which one is told before."""
    told = select(description.c.id).where(description.c.id.in_(texts)).cte("told", recursive=True)
    is_next = (description.c.parent_id == told.c.id) & (description.c.kind == "scene")
    return select(told.union(select(description.c.id).join(told, is_next)).c.id)


async def count_learnt(tx: Transaction, version: int) -> tuple[int, int]:
    """Return how many texts of a dataset are trained on, and their characters with prompts."""
    characters = (
        func.coalesce(func.length(cast(dataset_item.c.chat, Text)), func.length(dataset_item.c.prompt))
        + func.length(dataset_item.c.text)
        + func.coalesce(func.length(dataset_item.c.rejected), 0)
    )
    query = select(func.count(), func.coalesce(func.sum(characters), 0))
    chosen = query.where(*_trains(version), dataset_item.c.split == "train")
    texts, length = (await tx.execute(chosen)).one()
    return int(texts), int(length)


async def list_page(tx: Transaction, version: int, *, after: int, size: int) -> list[SourcedText]:
    """Return up to size texts of a dataset but scenes, in order, those after a position."""
    sources = (
        (("example",), example),
        (("description",), description),
        (("import", *ORIGINS), imported),
        (("ranked",), ranked_text),
    )
    joined: FromClause = dataset_item
    for names, table in sources:
        joined = joined.outerjoin(
            table, dataset_item.c.source.in_(names) & (dataset_item.c.source_id == table.c.id)
        )

    def first(column: str) -> ColumnElement[str]:
        return func.coalesce(*(cast(table.c[column], Text) for _, table in sources))

    hero = [first(name) for name in FIELD_NAMES]
    query = (
        select(
            *hero,
            dataset_item.c.position,
            dataset_item.c.split,
            dataset_item.c.text,
            dataset_item.c.source,
            imported.c.prompt,
            imported.c.sub_prompt,
            first("finish_reason"),
        )
        .select_from(joined)
        .where(
            dataset_item.c.dataset_id == version,
            dataset_item.c.position > after,
            dataset_item.c.deleted.is_(False),
            dataset_item.c.source != "scene",
        )
        .order_by(dataset_item.c.position)
        .limit(size)
    )
    width = len(hero)
    rows: Iterable[Any] = await tx.execute(query)
    return [SourcedText(tuple(row[:width]), *row[width:]) for row in rows]


async def redact(tx: Transaction, descriptions: Select[int], version: int | None = None) -> list[int]:
    """Empty the items of descriptions, given by a query for their ids, in one version or in all.

    So are the items of scenes whose story so far has one of them, because they quote it.
    Return the versions that had any. Nothing is trained on them any more, and their content hash is
    replaced by one that no content has, so that no later build is taken for one of them.
    """
    quoting = _with_scenes_after(descriptions)
    affected = (
        dataset_item.c.deleted.is_(False),
        true() if version is None else dataset_item.c.dataset_id == version,
        or_(
            dataset_item.c.source.in_(_SHOWN) & dataset_item.c.source_id.in_(quoting),
            dataset_item.c.rejected_id.in_(descriptions),
        ),
    )
    columns = (dataset_item.c.dataset_id, dataset_item.c.split, dataset_item.c.source)
    redacted: dict[int, Counter[str]] = {}
    for holder, split, source in await tx.execute(select(*columns).where(*affected)):
        redacted.setdefault(holder, Counter()).update((split, source))
    emptied = {
        "prompt": "",
        "text": "",
        "rejected": None,
        "rejected_id": None,
        "chat": None,
        "deleted": True,
    }
    await tx.execute(update(dataset_item).where(*affected).values(emptied))
    for holder, counts in redacted.items():
        row = (await tx.execute(select(dataset).where(dataset.c.id == holder))).one()
        values = {
            "rebuild": True,
            "recipe": {"frozen_as": row.content_hash, **row.recipe},
            "content_hash": hashlib.sha256(f"less than {row.content_hash}".encode()).hexdigest(),
            "counts": {name: count - counts[name] for name, count in row.counts.items()},
        }
        await tx.execute(update(dataset).where(dataset.c.id == holder).values(values))
    return sorted(redacted)


async def delete_imported(tx: Transaction, ids: list[int]) -> None:
    """Delete imported texts; their ids are consecutive, as add_imported() returned them."""
    if ids:
        await tx.execute(delete(imported).where(imported.c.id.between(ids[0], ids[-1])))


async def get_unreviewed(tx: Transaction, version: int) -> tuple[Unreviewed | None, int]:
    """Return the first example of a dataset without a review, and how many there are."""
    reviewed = select(review.c.example_id).where(review.c.example_id == dataset_item.c.source_id).exists()
    open_ = (dataset_item.c.dataset_id == version, dataset_item.c.source == "example", ~reviewed)
    columns = (dataset_item.c.source_id, dataset_item.c.prompt, dataset_item.c.text)
    first = select(*columns).where(*open_).order_by(dataset_item.c.position).limit(1)
    row = (await tx.execute(first)).one_or_none()
    count = (await tx.execute(select(func.count()).select_from(dataset_item).where(*open_))).scalar_one()
    return (Unreviewed(*row) if row else None), count


async def add_imported(tx: Transaction, rows: list[dict[str, str]]) -> list[int]:
    """Add texts of a file, and return their ids in the same order."""
    last = (await tx.execute(select(func.coalesce(func.max(imported.c.id), 0)))).scalar_one()
    numbered = [{"id": last + offset, **row} for offset, row in enumerate(rows, 1)]
    await tx.execute(imported.insert(), numbered)
    return [row["id"] for row in numbered]


async def add_missing_imported(tx: Transaction, rows: list[dict[str, str]]) -> list[int]:
    """Add the texts of a file that were not added before, and return the ids of all in the same order."""
    key = ("file", *FIELD_NAMES, "text")
    columns = [imported.c[name] for name in key]
    query = select(imported.c.id, *columns).where(imported.c.file.in_({row["file"] for row in rows}))
    ids = {tuple(found[1:]): found[0] for found in await tx.execute(query)}
    missing = [row for row in rows if tuple(row[name] for name in key) not in ids]
    added = await add_imported(tx, missing) if missing else []
    ids |= {tuple(row[name] for name in key): id_ for row, id_ in zip(missing, added, strict=True)}
    return [ids[tuple(row[name] for name in key)] for row in rows]


async def get_latest_build(tx: Transaction) -> Dataset | None:
    """Return the newest version of single texts that was built, and not imported."""
    query = select(dataset).where(dataset.c.kind == "sft").order_by(dataset.c.id.desc())
    versions = (Dataset(**row._mapping) for row in await tx.execute(query))
    return next((version for version in versions if "imported" not in version.recipe), None)
