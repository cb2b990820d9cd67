"""Queries on scores: which votes count, and what they say of descriptions. The database adds up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    true,
    tuple_,
)

from bot.store.database import Transaction
from bot.store.schema import description, duel, duel_vote, vote

_DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Rule:
    """Which votes count: of accounts that old, so many of a voter a day (UTC), and none of these voters'."""

    account_days: int
    daily: int
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DescriptionVotes:
    """The counted votes on one description."""

    description_id: int
    power: str
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class VoterAgreement:
    """One voter (an HMAC): counted votes on descriptions of which the others have an opinion.

    against: how many of these go against the majority of the others.
    """

    voter: str
    votes: int
    against: int


@dataclass(frozen=True, slots=True)
class Kept:
    """How many votes there are on how many descriptions, and how many do not count, by the first reason."""

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
class Ranked:
    """A description with its counted votes."""

    description_id: int
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class DuelCount:
    """A duel's two descriptions, and how many counted voters picked each."""

    live_id: int
    candidate_id: int
    for_live: int
    for_candidate: int


def _old_enough(table: Any, rule: Rule) -> ColumnElement[bool]:
    """Simulated voters have no account; of votes kept before accounts' ages were, none is known."""
    days = table.c.account_days
    return or_(table.c.source == "simulated", days.is_(None), days >= rule.account_days)


def _may_count(rule: Rule) -> ColumnElement[bool]:
    return and_(~vote.c.by_requester, _old_enough(vote, rule))


def _too_many(rule: Rule) -> CTE:
    """Votes beyond their voter's number of that day. Only those who cast that many at all are looked at."""
    busy = select(vote.c.voter).group_by(vote.c.voter).having(func.count() > rule.daily)
    day = vote.c.at // _DAY  # of floats it is FLOOR: a CAST would round in PostgreSQL, and truncate in SQLite
    place = func.row_number().over(
        partition_by=(vote.c.voter, day), order_by=(vote.c.at, vote.c.description_id)
    )
    placed = (
        select(vote.c.description_id, vote.c.voter, place.label("place"))
        .where(_may_count(rule), vote.c.voter.in_(busy))
        .subquery()
    )
    columns = (placed.c.description_id, placed.c.voter)
    return select(*columns).where(placed.c.place > rule.daily).cte("too_many")


def _counts(rule: Rule) -> ColumnElement[bool]:
    """Whether a row of `vote` counts."""
    late = _too_many(rule)
    among = select(late.c.description_id, late.c.voter)
    return and_(
        _may_count(rule),
        _of_others(vote.c.voter, rule),
        tuple_(vote.c.description_id, vote.c.voter).not_in(among),
    )


def _of_others(voter: ColumnElement[str], rule: Rule) -> ColumnElement[bool]:
    return voter.not_in(sorted(rule.without)) if rule.without else true()


def _tallied(rule: Rule) -> Select[Any]:
    """Ups and downs of each description that is in sight."""
    ups = func.sum(case((vote.c.value > 0, 1), else_=0)).label("ups")
    downs = func.sum(case((vote.c.value < 0, 1), else_=0)).label("downs")
    counted = (
        select(vote.c.description_id, ups, downs)
        .where(_counts(rule))
        .group_by(vote.c.description_id)
        .subquery()
    )
    return (
        select(description.c.id, description.c.power, counted.c.ups, counted.c.downs)
        .join(counted, counted.c.description_id == description.c.id)
        .where(description.c.removed_at.is_(None))
    )


async def tallies(tx: Transaction, rule: Rule) -> list[DescriptionVotes]:
    """The counted votes on every description in sight that has any."""
    return [DescriptionVotes(*row) for row in await tx.execute(_tallied(rule).order_by(description.c.id))]


async def voter_agreements(tx: Transaction, rule: Rule) -> list[VoterAgreement]:
    """How every voter whose votes count stands to the majority of the others whose votes count."""
    whole = func.sum(vote.c.value).over(partition_by=vote.c.description_id)
    seen = (
        select(vote.c.voter, vote.c.value, (whole - vote.c.value).label("others"))
        .where(_counts(rule))
        .subquery()
    )
    against = func.sum(case((seen.c.value * seen.c.others < 0, 1), else_=0))
    query = select(seen.c.voter, func.count(), against).where(seen.c.others != 0).group_by(seen.c.voter)
    return [VoterAgreement(*row) for row in await tx.execute(query)]


async def kept(tx: Transaction, rule: Rule) -> Kept:
    """How many votes are kept, and how many of them do not count, each by the first reason that holds."""

    def number(what: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    of_deviating = and_(_may_count(rule), ~_of_others(vote.c.voter, rule))
    totals = select(
        func.count(),
        func.count(vote.c.description_id.distinct()),
        number(vote.c.by_requester),
        number(and_(~vote.c.by_requester, ~_old_enough(vote, rule))),
        number(of_deviating),
    )
    late = _too_many(rule)
    of_others = _of_others(late.c.voter, rule)
    votes, shown, mine, young, deviating = (await tx.execute(totals)).one()
    many, both = (await tx.execute(select(func.count(), number(~of_others)).select_from(late))).one()
    return Kept(votes, shown, mine, young, many, deviating - both)


async def best(
    tx: Transaction,
    rule: Rule,
    *,
    prior: tuple[float, float],
    guild_id: int | None,
    powers: Collection[str] | None,
    skip: int,
    most: int,
) -> list[Ranked]:
    """Descriptions in sight that more people like than not, by their Bayesian average.

    prior is how many votes of which mean come first.
    Of one server, of some powers, or where these are None of all.
    """
    weight, mean = prior
    tallied = _tallied(rule)
    if guild_id is not None:
        tallied = tallied.where(description.c.guild_id == guild_id)
    if powers is not None:
        tallied = tallied.where(description.c.power.in_(powers))
    each = tallied.subquery()
    votes = each.c.ups + each.c.downs
    score = (weight * mean + each.c.ups) / (weight + votes)
    query = (
        select(each.c.id, each.c.ups, each.c.downs)
        .where(each.c.ups > each.c.downs)
        .order_by(score.desc(), votes.desc(), each.c.id.desc())
        .offset(skip)
        .limit(most)
    )
    return [Ranked(*row) for row in await tx.execute(query)]


async def duels(tx: Transaction, rule: Rule, *, most_of_voter: int) -> list[DuelCount]:
    """Duels whose descriptions are in sight, with the counted picks: the first so many of each voter's."""
    chosen = (
        select(
            duel_vote.c.duel_id,
            duel_vote.c.result,
            func.row_number()
            .over(partition_by=duel_vote.c.voter, order_by=(duel_vote.c.at, duel_vote.c.duel_id))
            .label("place"),
        )
        .where(duel_vote.c.result != "tie", _old_enough(duel_vote, rule), _of_others(duel_vote.c.voter, rule))
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
        .where(chosen.c.place <= most_of_voter, live.c.removed_at.is_(None), candidate.c.removed_at.is_(None))
        .group_by(duel.c.id, duel.c.live_description_id, duel.c.candidate_description_id)
        .order_by(duel.c.id)
    )
    return [DuelCount(*row) for row in await tx.execute(query)]
