"""Queries on votes: one per voter and description, the latest thumb that is still there."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, case, delete, exists, func, or_, select

from bot.store.database import Transaction
from bot.store.schema import description, reaction, vote
from bot.store.upsert import put


class Vote(NamedTuple):
    """A voter's vote on a description, +1 or -1, as its row has it; by_requester marks the asker's own."""

    description_id: int
    voter: str
    value: int
    by_requester: bool
    source: str
    account_days: int | None
    at: float


async def cast(tx: Transaction, latest: Sequence[Vote]) -> None:
    """Keep votes, each in the place of its voter's one before, where that is not the later one."""
    await put(tx, vote, latest, newer_by="at")


async def derive(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """Make the votes of these descriptions and voters what their reactions say.

    Thumbs of both kinds left at the very same moment (found together after an outage) are no vote.
    """
    if not pairs:
        return
    rows = [{"its_description": description_id, "its_voter": voter} for description_id, voter in pairs]
    await tx.execute(_GONE, rows)
    await tx.execute(_DERIVED, rows)


async def counts_by_model(tx: Transaction) -> dict[str, tuple[int, int]]:
    """Votes for and against each model's descriptions, the requesters' own left out."""
    query = (
        select(description.c.model, *_FOR_AND_AGAINST)
        .join(vote, vote.c.description_id == description.c.id)
        .where(~vote.c.by_requester)
        .group_by(description.c.model)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in await tx.execute(query)}


_FOR_AND_AGAINST = (
    func.sum(case((vote.c.value > 0, 1), else_=0)),
    func.sum(case((vote.c.value < 0, 1), else_=0)),
)

_THEIRS: dict[str, BindParameter[Any]] = {
    "description_id": bindparam("its_description"),
    "voter": bindparam("its_voter"),
}

_GONE = delete(vote).where(*(vote.c[name] == its for name, its in _THEIRS.items()))

_other = reaction.alias()
_outdone = exists().where(
    *(_other.c[name] == reaction.c[name] for name in _THEIRS),
    or_(
        _other.c.at > reaction.c.at,
        and_(_other.c.at == reaction.c.at, _other.c.value != reaction.c.value),
    ),
)
_DERIVED = vote.insert().from_select(
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
    .where(*(reaction.c[name] == its for name, its in _THEIRS.items()), ~_outdone)
    .order_by(reaction.c.source, reaction.c.emoji)
    .limit(1),
)
