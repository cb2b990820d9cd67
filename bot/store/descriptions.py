"""Queries on descriptions: the texts shown to users."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
    update,
)

from bot.heroes.hero import Hero
from bot.shards import Shards
from bot.store import datasets
from bot.store.database import Transaction
from bot.store.hero_columns import pop_hero
from bot.store.schema import description, duel, model

# named as text: SQLAlchemy correlates a subquery with an enclosing SELECT, but not with a RETURNING
_ITS_MODEL = (
    model.c.name == literal_column("description.model"),
    literal_column("description.tuned", Boolean()),
)
_COLUMNS = (*description.c, select(model.c.id).where(*_ITS_MODEL).scalar_subquery().label("version"))

# The two writes of every /hero. Made once: to build one and to look up its compiled form takes as long as to
# run it.
_ADD = description.insert().returning(*_COLUMNS)
_SET_MESSAGE = (
    update(description)
    .where(description.c.id == bindparam("shown_id"), description.c.requester != "")
    .returning(*_COLUMNS)
)

ONE_HERO_KINDS = ("hero", "take")
"""The kinds whose texts tell of one hero, as asked for. They alone train, rank models and count for powers:
every query that takes descriptions for one of these asks of_one_hero()."""

TEAM_SIZE = 3  # heroes that the text of a team counts for, under limits


@dataclass(frozen=True, slots=True)
class Description:
    """One text shown to a user.

    model is the name of the model that wrote it, version the id of a tuned model, None for a base model;
    requester is a pseudonym; seconds is the latency of the answer. sampling has the request's parameters, as
    draws how many texts were drawn until this one, and as framed whether its beginning and ending were given.
    kind is hero, take, scene or team; parent_id is the description that it belongs to, if it has one.
    """

    id: int
    model: str
    tuned: bool
    hero: Hero
    text: str
    finish_reason: str
    prompt_version: int
    sampling: dict[str, Any]
    requester: str
    guild_id: int | None
    channel_id: int | None
    message_id: int | None
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    created_at: float
    removed_at: float | None
    settled: bool
    removed_by_operators: bool
    kind: str
    parent_id: int | None
    version: int | None

    @property
    def framed(self) -> bool:
        """Whether the model was given a beginning and an ending; texts of older versions do not tell."""
        return bool(self.sampling.get("framed"))

    @property
    def of_one_hero(self) -> bool:
        """Whether its kind is one of ONE_HERO_KINDS."""
        return self.kind in ONE_HERO_KINDS


@dataclass(frozen=True, slots=True)
class Posted:
    """The message that shows a description."""

    description_id: int
    channel_id: int
    message_id: int


def _of_row(row: Row[Any]) -> Description:
    values = dict(row._mapping)
    return Description(hero=pop_hero(values), **values)


def of_one_hero() -> ColumnElement[bool]:
    """Return the condition of descriptions whose kind is one of ONE_HERO_KINDS."""
    return description.c.kind.in_(ONE_HERO_KINDS)


async def add(tx: Transaction, hero: Hero, **values: Any) -> Description:
    """Keep a description; values are the other columns. The message that shows it may be set later."""
    return _of_row((await tx.execute(_ADD, hero.as_dict() | values)).one())


async def set_message(
    tx: Transaction, description_id: int, channel_id: int, message_id: int
) -> Description | None:
    """Store which message shows a description, and return the description as it is now.

    Return None, and store nothing, if its requester has had it deleted meanwhile.
    """
    values = {"shown_id": description_id, "channel_id": channel_id, "message_id": message_id}
    row = (await tx.execute(_SET_MESSAGE, values)).one_or_none()
    return _of_row(row) if row else None


async def get(tx: Transaction, description_id: int) -> Description | None:
    row = (await tx.execute(select(*_COLUMNS).where(description.c.id == description_id))).one_or_none()
    return _of_row(row) if row else None


async def get_by_message(tx: Transaction, message_id: int) -> Description | None:
    row = (await tx.execute(select(*_COLUMNS).where(description.c.message_id == message_id))).one_or_none()
    return _of_row(row) if row else None


async def get_latest(
    tx: Transaction, requester: str, *, guild_id: int | None, channel_id: int | None
) -> Description | None:
    """Return a person's newest text about one hero that is shown in a server, or in a channel elsewhere."""
    place = description.c.channel_id if guild_id is None else description.c.guild_id
    # + 0: else SQLite may walk through all texts of the server, where the person may have asked for none
    here = place + 0 == (channel_id if guild_id is None else guild_id)
    query = select(*_COLUMNS).where(
        description.c.requester == requester,
        here,
        of_one_hero(),
        description.c.message_id.is_not(None),
        description.c.removed_at.is_(None),
    )
    newest = query.order_by(description.c.created_at.desc()).limit(1)
    row = (await tx.execute(newest)).one_or_none()
    return _of_row(row) if row else None


def heroes_since(at: float) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """Return the number of heroes described since a moment, and the condition under which to sum them up.

    The two texts of a duel count once, the text of a team TEAM_SIZE times.
    """
    number = func.sum(case((description.c.kind == "team", TEAM_SIZE), else_=1))
    candidates = select(duel.c.candidate_description_id).where(duel.c.created_at >= at)
    return number, and_(description.c.created_at >= at, description.c.id.not_in(candidates))


async def count_since(tx: Transaction, at: float) -> dict[str | int, int]:
    """Count the heroes described since a moment, by requester (a pseudonym) and by server id."""
    counts: dict[str | int, int] = {}
    number, since = heroes_since(at)
    # no bare columns: to group by one, SQLite would read all of its index, and not that of the time
    for column in (description.c.requester.concat(""), description.c.guild_id + 0):
        who = column.label("who")
        query = select(who, number).where(since).group_by(who)
        counts |= {key: count for key, count in await tx.execute(query) if key is not None}
    return counts


async def count_by_power(tx: Transaction) -> dict[str, int]:
    """Return how often each power was asked for."""
    uses = func.count().label("uses")
    query = select(description.c.power, uses).where(of_one_hero()).group_by(description.c.power)
    return {row.power: row.uses for row in await tx.execute(query)}


async def redact(tx: Transaction, description_id: int) -> None:
    """Empty a description's items in all datasets."""
    await datasets.redact(tx, select(description.c.id).where(description.c.id == description_id))


async def remove(
    tx: Transaction, description_id: int, *, at: float | None, by_operators: bool = False
) -> Description:
    """Hide a description and exclude it from training since a moment; None shows it again."""
    values = {"removed_at": at, "removed_by_operators": by_operators}
    changed = update(description).where(description.c.id == description_id).values(values)
    return _of_row((await tx.execute(changed.returning(*_COLUMNS))).one())


def removed_ids() -> Select[int]:
    """Select the ids of hidden descriptions, including redacted ones."""
    return select(description.c.id).where(description.c.removed_at.is_not(None))


async def get_many(tx: Transaction, ids: list[int]) -> list[Description]:
    query = select(*_COLUMNS).where(description.c.id.in_(ids)).order_by(description.c.id)
    return [_of_row(row) for row in await tx.execute(query)]


async def list_shown_takes(
    tx: Transaction, parent_id: int, most: int, *, before: int | None = None
) -> list[Description]:
    """Return the newest takes of a description that have a message and are not hidden.

    before: only those with a smaller id, to read on.
    """
    query = (
        select(*_COLUMNS)
        .where(
            description.c.parent_id == parent_id,
            true() if before is None else description.c.id < before,
            description.c.kind == "take",
            description.c.message_id.is_not(None),
            description.c.removed_at.is_(None),
        )
        .order_by(description.c.id.desc())
        .limit(most)
    )
    return [_of_row(row) for row in await tx.execute(query)]


async def list_posted_since(tx: Transaction, moment: float, most: int, shards: Shards) -> list[Posted]:
    """Return the messages of descriptions made since a moment, the newest first, for the backfill.

    Only those in servers of some shards; messages outside of servers are shard 0's.
    """
    columns = (description.c.id, description.c.channel_id, description.c.message_id)
    query = select(*columns).where(
        description.c.created_at >= moment,
        description.c.settled.is_(False),
        description.c.channel_id.is_not(None),
        description.c.message_id.is_not(None),
    )
    if not shards.are_all:
        # not >>: PostgreSQL shifts by no BIGINT, as which it gets the number
        shard = func.coalesce(description.c.guild_id, 0) // (1 << 22) % shards.count
        query = query.where(shard.in_(shards.ids))
    return [Posted(*row) for row in await tx.execute(query.order_by(description.c.id.desc()).limit(most))]


async def list_places(tx: Transaction, most: int) -> list[tuple[int, int]]:
    """Return the servers and channels in which descriptions were posted, those of the newest first."""
    newest = func.max(description.c.created_at)
    query = (
        select(description.c.guild_id, description.c.channel_id)
        .where(description.c.guild_id.is_not(None), description.c.message_id.is_not(None))
        .group_by(description.c.guild_id, description.c.channel_id)
        .order_by(newest.desc())
        .limit(most)
    )
    return [(row.guild_id, row.channel_id) for row in await tx.execute(query)]


async def clear_messages(tx: Transaction, message_ids: Collection[int]) -> int:
    """Clear the references to deleted messages, and return how many there were.

    The descriptions and their votes stay.
    """
    deleted = update(description).where(description.c.message_id.in_(message_ids))
    return (await tx.execute(deleted.values(message_id=None))).rowcount


async def forget_messages(tx: Transaction) -> None:
    """Clear all references to messages: a playground's messages end with its page."""
    await tx.execute(update(description).values(message_id=None))
