"""Queries on scores: the counted votes on descriptions, summed in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)

from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import description, duel, duel_vote, team_hero, vote

_DAY = 86_400  # seconds

UncountedReason = Literal["requester", "young", "too many"]
"""Why one vote does not count: its voter asked for the text, is too new, or has voted too often that day."""


@dataclass(frozen=True, slots=True)
class CountingRule:
    """Which votes count: a minimum age of the account, a maximum per voter and day (UTC), excluded voters."""

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
class Ranked:
    """A description with its counted votes."""

    description_id: int
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class DuelCount:
    """The two descriptions of a duel, and the counted votes for each."""

    live_id: int
    candidate_id: int
    for_live: int
    for_candidate: int


def _old_enough(table: Any, rule: CountingRule) -> ColumnElement[bool]:
    """Select by account age. It is unknown for simulated voters and for votes older than the column."""
    days = table.c.account_days
    return or_(table.c.source == "simulated", days.is_(None), days >= rule.account_days)


def _may_count(rule: CountingRule) -> ColumnElement[bool]:
    return and_(~vote.c.by_requester, _old_enough(vote, rule))


def _too_many(rule: CountingRule) -> CTE:
    """Select votes beyond the voter's daily maximum, looking only at voters with more votes than that."""
    busy = select(vote.c.voter).group_by(vote.c.voter).having(func.count() > rule.daily)
    day = vote.c.at // _DAY  # of floats this is FLOOR: a CAST rounds in PostgreSQL and truncates in SQLite
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


def _is_too_many(rule: CountingRule) -> ColumnElement[bool]:
    """Tell whether a row of vote is beyond its voter's daily maximum, by the votes before it on its day.

    Of a few rows this reads little, through the index of a voter's times; _too_many() reads all votes.
    """
    other = vote.alias("other")
    is_before = or_(
        other.c.at < vote.c.at,
        and_(other.c.at == vote.c.at, other.c.description_id < vote.c.description_id),
    )
    before = (
        select(func.count())
        .select_from(other)
        .where(
            other.c.voter == vote.c.voter,
            other.c.at.between(vote.c.at // _DAY * _DAY, vote.c.at),
            is_before,
            ~other.c.by_requester,
            _old_enough(other, rule),
        )
        .correlate(vote)
        .scalar_subquery()
    )
    return before >= rule.daily


def _counts(rule: CountingRule) -> ColumnElement[bool]:
    """Return the condition under which a row of vote counts."""
    excess = _too_many(rule)
    excluded = select(excess.c.description_id, excess.c.voter)
    return and_(
        _may_count(rule),
        _of_others(vote.c.voter, rule),
        tuple_(vote.c.description_id, vote.c.voter).not_in(excluded),
    )


def _of_others(voter: ColumnElement[str], rule: CountingRule) -> ColumnElement[bool]:
    return voter.not_in(sorted(rule.without)) if rule.without else true()


def _select_votes(rule: CountingRule, kinds: ColumnElement[bool]) -> Select[Any]:
    """Select the counted votes up and down of each visible description of these kinds."""
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
        .where(description.c.removed_at.is_(None), kinds)
    )


async def list_description_votes(tx: Transaction, rule: CountingRule) -> list[DescriptionVotes]:
    """Return the counted votes of every visible description of one hero that has any.

    What trains and what ranks models are chosen from these: teams and scenes are not among them.
    """
    query = _select_votes(rule, of_one_hero()).order_by(description.c.id)
    return [DescriptionVotes(*row) for row in await tx.execute(query)]


async def get_description_votes(tx: Transaction, rule: CountingRule, description_id: int) -> tuple[int, int]:
    """Return the counted votes up and down of a description; none if it is hidden."""
    value = vote.c.value
    query = (
        select(func.sum(case((value > 0, 1), else_=0)), func.sum(case((value < 0, 1), else_=0)))
        .join(description, description.c.id == vote.c.description_id)
        .where(
            vote.c.description_id == description_id,
            description.c.removed_at.is_(None),
            _may_count(rule),
            _of_others(vote.c.voter, rule),
            ~_is_too_many(rule),
        )
    )
    ups, downs = (await tx.execute(query)).one()
    return int(ups or 0), int(downs or 0)


async def find_uncounted_reason(
    tx: Transaction, rule: CountingRule, description_id: int, voter: str
) -> UncountedReason | None:
    """Return why a voter's vote on a description does not count; None if it does, or there is none.

    Whether the voter is an outlier is left out: that changes with the votes of everybody, and takes them all.
    """
    mine = (vote.c.description_id == description_id) & (vote.c.voter == voter)
    old, too_many = _old_enough(vote, rule).label("old"), _is_too_many(rule).label("too_many")
    found = (await tx.execute(select(vote.c.by_requester, old, too_many).where(mine))).one_or_none()
    if found is None:
        return None
    if found.by_requester:
        return "requester"
    if not found.old:
        return "young"
    return "too many" if found.too_many else None


async def list_voter_agreements(tx: Transaction, rule: CountingRule) -> list[VoterAgreement]:
    """Compare every voter with the majority of the others, by counted votes."""
    total = func.sum(vote.c.value).over(partition_by=vote.c.description_id)
    compared = (
        select(vote.c.voter, vote.c.value, (total - vote.c.value).label("others"))
        .where(_counts(rule))
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

    of_deviating = and_(_may_count(rule), ~_of_others(vote.c.voter, rule))
    totals = select(
        func.count(),
        func.count(vote.c.description_id.distinct()),
        count_if(vote.c.by_requester),
        count_if(and_(~vote.c.by_requester, ~_old_enough(vote, rule))),
        count_if(of_deviating),
    )
    excess = _too_many(rule)
    of_others = _of_others(excess.c.voter, rule)
    votes, shown, mine, young, deviating = (await tx.execute(totals)).one()
    many, both = (await tx.execute(select(func.count(), count_if(~of_others)).select_from(excess))).one()
    return VoteTotals(votes, shown, mine, young, many, deviating - both)


async def list_best(
    tx: Transaction,
    rule: CountingRule,
    *,
    prior: tuple[float, float],
    guild_id: int | None,
    powers: Collection[str] | None,
    offset: int,
    limit: int,
) -> list[Ranked]:
    """Return visible heroes and teams with more ups than downs, ranked by Bayesian average.

    Scenes are left out, for they say little without what comes before.
    prior is the weight (in votes) and the mean of the prior. guild_id and powers restrict the ranking to a
    server and to some powers, those of all heroes of a team; None means all.
    """
    weight, mean = prior
    votes_of = _select_votes(rule, or_(of_one_hero(), description.c.kind == "team"))
    if guild_id is not None:
        votes_of = votes_of.where(description.c.guild_id == guild_id)
    if powers is not None:
        others = team_hero.c.power.not_in(powers) & (team_hero.c.description_id == description.c.id)
        votes_of = votes_of.where(
            description.c.power.in_(powers), ~exists().where(others).correlate(description)
        )
    ranked = votes_of.subquery()
    votes = ranked.c.ups + ranked.c.downs
    score = (weight * mean + ranked.c.ups) / (weight + votes)
    query = (
        select(ranked.c.id, ranked.c.ups, ranked.c.downs)
        .where(ranked.c.ups > ranked.c.downs)
        .order_by(score.desc(), votes.desc(), ranked.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [Ranked(*row) for row in await tx.execute(query)]


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
        .where(chosen.c.place <= max_per_voter, live.c.removed_at.is_(None), candidate.c.removed_at.is_(None))
        .group_by(duel.c.id, duel.c.live_description_id, duel.c.candidate_description_id)
        .order_by(duel.c.id)
    )
    return [DuelCount(*row) for row in await tx.execute(query)]
