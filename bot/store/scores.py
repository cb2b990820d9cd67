"""Queries on scores: the counted votes on descriptions, summed in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from bot.store.counting_rule import (
    CountingRule,
    counts,
    counts_alone,
    eager_voters,
    is_too_many,
    may_count,
    of_others,
    old_enough,
    too_many,
)
from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import description, duel, duel_vote, vote

_MOST_EAGER = 10_000  # voters: databases take few parameters more

UncountedReason = Literal["requester", "young", "too many"]
"""Why one vote does not count: its voter asked for the text, is too new, or has voted too often that day."""


@dataclass(frozen=True, slots=True)
class DescriptionVotes:
    """The counted votes on one description."""

    description_id: int
    power: str
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class VoterAgreement:
    """A voter (a pseudonym) compared with the majority of the other voters.

    votes are the counted votes on descriptions for which the others have a majority; against is how many of
    them disagree with it.
    """

    voter: str
    votes: int
    against: int


@dataclass(frozen=True, slots=True)
class VoteTotals:
    """All votes, the descriptions that have any, and the votes that do not count, by the first reason."""

    votes: int
    descriptions: int
    by_requester: int
    young: int
    too_many: int
    deviating: int

    @property
    def counted(self) -> int:
        return self.votes - self.by_requester - self.young - self.too_many - self.deviating


@dataclass(frozen=True, slots=True)
class DuelCount:
    """The two descriptions of a duel, and the counted votes for each."""

    live_id: int
    candidate_id: int
    for_live: int
    for_candidate: int


def select_votes(rule: CountingRule, kinds: ColumnElement[bool]) -> Select[Any]:
    """Select id, power, and counted votes up and down of each visible description of these kinds."""
    ups = func.sum(case((vote.c.value > 0, 1), else_=0)).label("ups")
    downs = func.sum(case((vote.c.value < 0, 1), else_=0)).label("downs")
    counted = (
        select(vote.c.description_id, ups, downs)
        .where(counts(rule))
        .group_by(vote.c.description_id)
        .subquery()
    )
    return (
        select(description.c.id, description.c.power, counted.c.ups, counted.c.downs)
        .join(counted, counted.c.description_id == description.c.id)
        .where(description.c.removed_at.is_(None), kinds)
    )


async def get_vote_sums(tx: Transaction, rule: CountingRule) -> tuple[int, int, int]:
    """Return how many visible descriptions of one hero have counted votes, and the votes up and down."""
    votes_of = select_votes(rule, of_one_hero()).subquery()
    sums = select(func.count(), func.sum(votes_of.c.ups), func.sum(votes_of.c.downs)).select_from(votes_of)
    number, ups, downs = (await tx.execute(sums)).one()
    return int(number), int(ups or 0), int(downs or 0)


async def list_description_votes(tx: Transaction, rule: CountingRule) -> list[DescriptionVotes]:
    """Return the counted votes of every visible description of one hero that has any.

    What trains and what ranks models are chosen from these: teams and scenes are not among them.
    """
    query = select_votes(rule, of_one_hero()).order_by(description.c.id)
    return [DescriptionVotes(*row) for row in await tx.execute(query)]


async def count_voters(tx: Transaction, rule: CountingRule, *, most: int) -> int:
    """Return how many people have counted votes on visible descriptions of one hero, `most` of more."""
    query = (
        select(vote.c.voter)
        .join(description, description.c.id == vote.c.description_id)
        .where(counts(rule), description.c.removed_at.is_(None), of_one_hero())
        .distinct()
        .limit(most)
    )
    return len((await tx.execute(query)).all())


async def list_scene_votes(tx: Transaction, rule: CountingRule) -> list[DescriptionVotes]:
    """Return the counted votes of every visible scene that has any."""
    query = select_votes(rule, description.c.kind == "scene").order_by(description.c.id)
    return [DescriptionVotes(*row) for row in await tx.execute(query)]


async def get_description_votes(tx: Transaction, rule: CountingRule, description_id: int) -> tuple[int, int]:
    """Return the counted votes up and down of a description; none if it is hidden."""
    return (await list_votes_of(tx, rule, [description_id])).get(description_id, (0, 0))


async def list_votes_of(
    tx: Transaction, rule: CountingRule, ids: Collection[int]
) -> dict[int, tuple[int, int]]:
    """Return the counted votes up and down of a few descriptions, of those that have any and are visible."""
    value = vote.c.value
    query = (
        select(
            vote.c.description_id,
            func.sum(case((value > 0, 1), else_=0)),
            func.sum(case((value < 0, 1), else_=0)),
        )
        .join(description, description.c.id == vote.c.description_id)
        .where(
            vote.c.description_id.in_(ids),
            description.c.removed_at.is_(None),
            counts_alone(rule),
        )
        .group_by(vote.c.description_id)
    )
    return {each: (int(ups), int(downs)) for each, ups, downs in await tx.execute(query)}


async def find_uncounted_reason(
    tx: Transaction, rule: CountingRule, description_id: int, voter: str
) -> UncountedReason | None:
    """Return why a voter's vote on a description does not count; None if it does, or there is none.

    Whether the voter is an outlier is left out: that changes with the votes of everybody, and takes them all.
    """
    mine = (vote.c.description_id == description_id) & (vote.c.voter == voter)
    old, many = old_enough(vote, rule).label("old"), is_too_many(rule).label("too_many")
    found = (await tx.execute(select(vote.c.by_requester, old, many).where(mine))).one_or_none()
    if found is None:
        return None
    if found.by_requester:
        return "requester"
    if not found.old:
        return "young"
    return "too many" if found.too_many else None


async def list_eager(tx: Transaction, rule: CountingRule) -> frozenset[str] | None:
    """Return the voters with more votes on some day than the maximum; None if a query cannot name so many."""
    found = frozenset((await tx.execute(eager_voters(rule).limit(_MOST_EAGER + 1))).scalars())
    return found if len(found) <= _MOST_EAGER else None


async def list_voter_agreements(tx: Transaction, rule: CountingRule) -> list[VoterAgreement]:
    """Compare every voter with the majority of the others, by counted votes."""
    total = func.sum(vote.c.value).over(partition_by=vote.c.description_id)
    compared = (
        select(vote.c.voter, vote.c.value, (total - vote.c.value).label("others"))
        .where(counts(rule))
        .subquery()
    )
    against = func.sum(case((compared.c.value * compared.c.others < 0, 1), else_=0))
    query = (
        select(compared.c.voter, func.count(), against)
        .where(compared.c.others != 0)
        .group_by(compared.c.voter)
    )
    return [VoterAgreement(*row) for row in await tx.execute(query)]


async def count_votes(tx: Transaction, rule: CountingRule) -> VoteTotals:
    """Count all votes, and those that do not count by the first reason that applies."""

    def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    of_deviating = and_(may_count(rule), ~of_others(vote.c.voter, rule))
    totals = select(
        func.count(),
        func.count(vote.c.description_id.distinct()),
        count_if(vote.c.by_requester),
        count_if(and_(~vote.c.by_requester, ~old_enough(vote, rule))),
        count_if(of_deviating),
    )
    excess = too_many(rule)
    of_rest = of_others(excess.c.voter, rule)
    votes, shown, mine, young, deviating = (await tx.execute(totals)).one()
    many, both = (await tx.execute(select(func.count(), count_if(~of_rest)).select_from(excess))).one()
    return VoteTotals(votes, shown, mine, young, many, deviating - both)


async def list_duel_counts(tx: Transaction, rule: CountingRule, *, max_per_voter: int) -> list[DuelCount]:
    """Return duels of visible descriptions with the counted votes, at most max_per_voter of a voter."""
    chosen = (
        select(
            duel_vote.c.duel_id,
            duel_vote.c.result,
            func.row_number()
            .over(partition_by=duel_vote.c.voter, order_by=(duel_vote.c.at, duel_vote.c.duel_id))
            .label("place"),
        )
        .where(duel_vote.c.result != "tie", old_enough(duel_vote, rule), of_others(duel_vote.c.voter, rule))
        .cte("chosen")
    )
    live, candidate = description.alias("live"), description.alias("candidate")

    def picks(side: str) -> ColumnElement[int]:
        return func.sum(case((chosen.c.result == side, 1), else_=0))

    query = (
        select(
            duel.c.live_description_id,
            duel.c.candidate_description_id,
            picks("live"),
            picks("candidate"),
        )
        .join(chosen, chosen.c.duel_id == duel.c.id)
        .join(live, live.c.id == duel.c.live_description_id)
        .join(candidate, candidate.c.id == duel.c.candidate_description_id)
        .where(chosen.c.place <= max_per_voter, live.c.removed_at.is_(None), candidate.c.removed_at.is_(None))
        .group_by(duel.c.id, duel.c.live_description_id, duel.c.candidate_description_id)
        .order_by(duel.c.id)
    )
    return [DuelCount(*row) for row in await tx.execute(query)]
