"""Queries on scores: which votes count, and what they say of descriptions. The database adds up."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    true,
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
class Tally:
    """The counted votes on one description."""

    description_id: int
    power: str
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class Stand:
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
    """A description with its counted votes and the Bayesian average of them (0 to 1)."""

    description_id: int
    score: float
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


def _placed(rule: Rule) -> CTE:
    """Every vote with its place among its voter's of that day, those that may not count at all left out."""
    day = cast(vote.c.at, BigInteger) // _DAY
    place = func.row_number().over(
        partition_by=(vote.c.voter, day), order_by=(vote.c.at, vote.c.description_id)
    )
    columns = (vote.c.description_id, vote.c.voter, vote.c.value, place.label("place"))
    return select(*columns).where(~vote.c.by_requester, _old_enough(vote, rule)).cte("placed")


def _counted(rule: Rule) -> CTE:
    placed = _placed(rule)
    counts = and_(placed.c.place <= rule.daily, _of_others(placed.c.voter, rule))
    return select(placed.c.description_id, placed.c.voter, placed.c.value).where(counts).cte("counted")


def _of_others(voter: ColumnElement[str], rule: Rule) -> ColumnElement[bool]:
    return voter.not_in(sorted(rule.without)) if rule.without else true()


def _tallied(rule: Rule) -> Select[Any]:
    """Ups and downs of each description that is in sight."""
    counted = _counted(rule)
    ups = func.sum(case((counted.c.value > 0, 1), else_=0)).label("ups")
    downs = func.sum(case((counted.c.value < 0, 1), else_=0)).label("downs")
    return (
        select(description.c.id, description.c.power, ups, downs)
        .join(counted, counted.c.description_id == description.c.id)
        .where(description.c.removed_at.is_(None))
        .group_by(description.c.id)
    )


async def tallies(tx: Transaction, rule: Rule) -> list[Tally]:
    """The counted votes on every description in sight that has any."""
    return [Tally(*row) for row in await tx.execute(_tallied(rule).order_by(description.c.id))]


async def stands(tx: Transaction, rule: Rule) -> list[Stand]:
    """How every voter whose votes count stands to the majority of the others whose votes count."""
    counted = _counted(rule)
    whole = (
        select(counted.c.description_id, func.sum(counted.c.value).label("whole"))
        .group_by(counted.c.description_id)
        .cte("whole")
    )
    others = whole.c.whole - counted.c.value
    against = func.sum(case((counted.c.value * others < 0, 1), else_=0))
    query = (
        select(counted.c.voter, func.count(), against)
        .join(whole, whole.c.description_id == counted.c.description_id)
        .where(others != 0)
        .group_by(counted.c.voter)
        .order_by(counted.c.voter)
    )
    return [Stand(*row) for row in await tx.execute(query)]


async def kept(tx: Transaction, rule: Rule) -> Kept:
    """How many votes are kept, and how many of them do not count, each by the first reason that holds."""
    mine = func.coalesce(func.sum(case((vote.c.by_requester, 1), else_=0)), 0)
    young = and_(~vote.c.by_requester, ~_old_enough(vote, rule))
    totals = select(
        func.count(),
        func.count(vote.c.description_id.distinct()),
        mine,
        func.coalesce(func.sum(case((young, 1), else_=0)), 0),
    )
    placed = _placed(rule)
    over = placed.c.place > rule.daily
    left_out = select(
        func.coalesce(func.sum(case((over, 1), else_=0)), 0),
        func.coalesce(func.sum(case((or_(over, _of_others(placed.c.voter, rule)), 0), else_=1)), 0),
    )
    first, second = (await tx.execute(totals)).one(), (await tx.execute(left_out)).one()
    return Kept(*(*first, *second))


async def best(
    tx: Transaction, rule: Rule, *, prior: tuple[float, float], guild_id: int | None, skip: int, most: int
) -> list[Ranked]:
    """Descriptions in sight by their Bayesian average; prior is how many votes of which mean come first."""
    weight, mean = prior
    tallied = _tallied(rule)
    if guild_id is not None:
        tallied = tallied.where(description.c.guild_id == guild_id)
    each = tallied.subquery()
    votes = each.c.ups + each.c.downs
    score = ((weight * mean + each.c.ups) / (weight + votes)).label("score")
    query = (
        select(each.c.id, score, each.c.ups, each.c.downs)
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
