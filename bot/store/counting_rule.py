"""Which votes count, as conditions on rows of the tables vote and duel_vote."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, func, not_, or_, select, true, tuple_

from bot.store.schema import vote

_DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class CountingRule:
    """Which votes count: a minimum age of the account, a maximum per voter and day (UTC), excluded voters.

    eager: all voters with more votes on some day than the maximum; None if they are not known. Where they
    are, queries look for votes beyond the maximum among theirs alone.
    """

    account_days: int
    daily: int
    without: frozenset[str] = frozenset()
    eager: frozenset[str] | None = None


def old_enough(table: Any, rule: CountingRule) -> ColumnElement[bool]:
    """Select by account age. It is unknown for simulated voters and for votes older than the column."""
    days = table.c.account_days
    return or_(table.c.source == "simulated", days.is_(None), days >= rule.account_days)


def may_count(rule: CountingRule) -> ColumnElement[bool]:
    return and_(~vote.c.by_requester, old_enough(vote, rule))


def too_many(rule: CountingRule) -> CTE:
    """Select votes beyond the voter's daily maximum, looking only at voters with more votes on some day."""
    eager = eager_voters(rule) if rule.eager is None else sorted(rule.eager)
    day = _day()
    place = func.row_number().over(
        partition_by=(vote.c.voter, day), order_by=(vote.c.at, vote.c.description_id)
    )
    placed = (
        select(vote.c.description_id, vote.c.voter, place.label("place"))
        .where(may_count(rule), vote.c.voter.in_(eager))
        .subquery()
    )
    columns = (placed.c.description_id, placed.c.voter)
    return select(*columns).where(placed.c.place > rule.daily).cte("too_many")


def eager_voters(rule: CountingRule) -> Select[str]:
    """Select voters with more votes on some day than the maximum, for CountingRule.eager.

    This reads an index alone. Some of the votes may be such as do not count anyway.
    """
    by_day = select(vote.c.voter).group_by(vote.c.voter, _day()).having(func.count() > rule.daily)
    return select(by_day.subquery().c.voter).distinct()


def _day() -> ColumnElement[Any]:
    """Return the day (UTC) of a vote."""
    return vote.c.at // _DAY  # of floats this is FLOOR: a CAST rounds in PostgreSQL and truncates in SQLite


def is_too_many(rule: CountingRule) -> ColumnElement[bool]:
    """Tell whether a row of vote is beyond its voter's daily maximum, by the votes before it on its day.

    Of a few rows this reads little, through the index of a voter's times; too_many() reads all votes.
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
            old_enough(other, rule),
        )
        .correlate(vote)
        .scalar_subquery()
    )
    return before >= rule.daily


def counts(rule: CountingRule) -> ColumnElement[bool]:
    """Return the condition under which a row of vote counts."""
    kept = and_(may_count(rule), of_others(vote.c.voter, rule))
    if rule.eager is not None and not rule.eager:
        return kept
    excess = too_many(rule)
    excluded = select(excess.c.description_id, excess.c.voter)
    return and_(kept, tuple_(vote.c.description_id, vote.c.voter).not_in(excluded))


def of_others(voter: ColumnElement[str], rule: CountingRule) -> ColumnElement[bool]:
    return voter.not_in(sorted(rule.without)) if rule.without else true()


def counts_alone(rule: CountingRule) -> ColumnElement[bool]:
    """Return the condition under which a row of vote counts, for a few rows."""
    kept = and_(may_count(rule), of_others(vote.c.voter, rule))
    if rule.eager is None:
        return and_(kept, not_(is_too_many(rule)))
    if not rule.eager:
        return kept
    return and_(kept, not_(and_(vote.c.voter.in_(sorted(rule.eager)), is_too_many(rule))))
