"""Queries on votes: one per voter and description, the latest thumb that still stands."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, case, delete, exists, func, or_, select

from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import description, reaction, vote
from bot.store.upsert import upsert


class Vote(NamedTuple):
    """A row of votes: +1 or -1; by_requester marks the requester's own."""

    description_id: int
    voter: str
    value: int
    by_requester: bool
    source: str
    account_days: int | None
    at: float


async def cast(tx: Transaction, latest: Sequence[Vote]) -> None:
    """Store votes, each in place of the voter's earlier one; a later one is kept."""
    await upsert(tx, vote, latest, newer_by="at")


async def derive_from_reactions(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """Derive the votes of these descriptions and voters from their reactions.

    Thumbs up and down at the same moment (found together after an outage) are no vote.
    """
    if not pairs:
        return
    rows = [{"its_description": description_id, "its_voter": voter} for description_id, voter in pairs]
    await tx.execute(_DELETE, rows)
    await tx.execute(_INSERT_DERIVED, rows)


async def count_by_model(tx: Transaction) -> dict[str, tuple[int, int]]:
    """Return the votes for and against each model's descriptions of one hero, without the requesters' own."""
    query = (
        select(description.c.model, *_FOR_AND_AGAINST)
        .join(vote, vote.c.description_id == description.c.id)
        .where(~vote.c.by_requester, of_one_hero())
        .group_by(description.c.model)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in await tx.execute(query)}


_FOR_AND_AGAINST = (
    func.sum(case((vote.c.value > 0, 1), else_=0)),
    func.sum(case((vote.c.value < 0, 1), else_=0)),
)

_DERIVED_KEY: dict[str, BindParameter[Any]] = {
    "description_id": bindparam("its_description"),
    "voter": bindparam("its_voter"),
}

_DELETE = delete(vote).where(*(vote.c[name] == its for name, its in _DERIVED_KEY.items()))

_other = reaction.alias()
_newer_or_tied = exists().where(
    *(_other.c[name] == reaction.c[name] for name in _DERIVED_KEY),
    or_(
        _other.c.at > reaction.c.at,
        and_(_other.c.at == reaction.c.at, _other.c.value != reaction.c.value),
    ),
)
_INSERT_DERIVED = vote.insert().from_select(
    ["description_id", "voter", "value", "by_requester", "source", "account_days", "at"],
    select(
        reaction.c.description_id,
        reaction.c.voter,
        reaction.c.value,
        reaction.c.voter == description.c.requester,
        reaction.c.source,
        reaction.c.account_days,
        reaction.c.at,
    )
    .join(description, description.c.id == reaction.c.description_id)
    .where(*(reaction.c[name] == its for name, its in _DERIVED_KEY.items()), ~_newer_or_tied)
    .order_by(reaction.c.source, reaction.c.emoji)
    .limit(1),
)
