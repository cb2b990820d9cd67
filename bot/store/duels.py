"""Queries on duels and the votes in them."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, or_, select, update

from bot.store.database import Transaction
from bot.store.schema import description, duel, duel_vote

Side = Literal["live", "candidate"]
Result = Literal["live", "candidate", "tie"]


def other_side(side: Side) -> Side:
    return "candidate" if side == "live" else "live"


@dataclass(frozen=True, slots=True)
class Duel:
    """Two descriptions of one hero; a is the side that is shown first."""

    id: int
    trial_id: int
    live_description_id: int
    candidate_description_id: int
    a: Side
    channel_id: int | None
    message_id: int | None
    created_at: float

    @property
    def b(self) -> Side:
        return other_side(self.a)


@dataclass(frozen=True, slots=True)
class DuelVote:
    """What one voter (a pseudonym) picked; counts says whether it counts in the sequential test."""

    duel_id: int
    voter: str
    trial_id: int
    result: Result
    counts: bool
    source: str
    account_days: int | None
    at: float


@dataclass(frozen=True, slots=True)
class DuelTally:
    """The votes of a trial: those that count for and against the candidate, ties, and all votes."""

    wins: int
    losses: int
    ties: int
    votes: int


async def add(
    tx: Transaction,
    *,
    trial_id: int,
    live_description_id: int,
    candidate_description_id: int,
    a: Side,
    at: float,
) -> Duel:
    values = {
        "trial_id": trial_id,
        "live_description_id": live_description_id,
        "candidate_description_id": candidate_description_id,
        "a": a,
        "created_at": at,
    }
    row = (await tx.execute(duel.insert().values(values).returning(*duel.c))).one()
    return Duel(**row._mapping)


async def get(tx: Transaction, duel_id: int) -> Duel | None:
    row = (await tx.execute(select(duel).where(duel.c.id == duel_id))).one_or_none()
    return Duel(**row._mapping) if row else None


async def get_by_message(tx: Transaction, message_id: int) -> Duel | None:
    row = (await tx.execute(select(duel).where(duel.c.message_id == message_id))).one_or_none()
    return Duel(**row._mapping) if row else None


async def get_by_description(tx: Transaction, description_id: int) -> Duel | None:
    """Return the duel in which a description is one of the two texts."""
    either = or_(
        duel.c.live_description_id == description_id, duel.c.candidate_description_id == description_id
    )
    row = (await tx.execute(select(duel).where(either))).one_or_none()
    return Duel(**row._mapping) if row else None


async def set_message(tx: Transaction, duel_id: int, channel_id: int, message_id: int) -> bool:
    """Store which message shows a duel.

    Return False, and store nothing, if its requester has had it deleted meanwhile.
    """
    redacted = select(description.c.id).where(
        description.c.id == duel.c.live_description_id, description.c.requester == ""
    )
    shown = update(duel).where(duel.c.id == duel_id, ~redacted.exists())
    changed = await tx.execute(shown.values(channel_id=channel_id, message_id=message_id))
    return changed.rowcount == 1


async def get_vote(tx: Transaction, duel_id: int, voter: str) -> DuelVote | None:
    query = select(duel_vote).where(duel_vote.c.duel_id == duel_id, duel_vote.c.voter == voter)
    row = (await tx.execute(query)).one_or_none()
    return DuelVote(**row._mapping) if row else None


async def add_vote(tx: Transaction, vote: DuelVote) -> None:
    values = {name: getattr(vote, name) for name in DuelVote.__slots__}
    await tx.execute(duel_vote.insert().values(values))


async def find_counted_vote(tx: Transaction, shown: Duel, voter: str) -> Literal["voter", "duel"] | None:
    """Return whether a vote of this voter counts in the trial already, or else one in this duel."""
    same = or_(duel_vote.c.duel_id == shown.id, duel_vote.c.voter == voter)
    query = select(duel_vote.c.voter).where(duel_vote.c.trial_id == shown.trial_id, duel_vote.c.counts, same)
    voters = set((await tx.execute(query)).scalars())
    if not voters:
        return None
    return "voter" if voter in voters else "duel"


async def get_tally(tx: Transaction, trial_id: int) -> DuelTally:
    query = (
        select(duel_vote.c.result, duel_vote.c.counts, func.count())
        .where(duel_vote.c.trial_id == trial_id)
        .group_by(duel_vote.c.result, duel_vote.c.counts)
    )
    found = {(result, counts): number for result, counts, number in await tx.execute(query)}
    return DuelTally(
        wins=found.get(("candidate", True), 0),
        losses=found.get(("live", True), 0),
        ties=found.get(("tie", False), 0),
        votes=sum(found.values()),
    )


async def list_counted(tx: Transaction, trial_id: int) -> list[tuple[float, bool]]:
    """Return when each counted vote of a trial was cast, in order, and whether it is for the candidate."""
    query = (
        select(duel_vote.c.at, duel_vote.c.result)
        .where(duel_vote.c.trial_id == trial_id, duel_vote.c.counts)
        .order_by(duel_vote.c.at)
    )
    return [(at, result == "candidate") for at, result in await tx.execute(query)]


async def forget_messages(tx: Transaction) -> None:
    """Clear all references to messages: a playground's messages end with its page."""
    await tx.execute(update(duel).values(channel_id=None, message_id=None))
