"""Queries on the ranking of descriptions, and on who voted on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, exists, func, or_, select, true

from bot.store.counting_rule import CountingRule, counts_alone
from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import description, member_setting, team_hero, vote


@dataclass(frozen=True, slots=True)
class Ranked:
    """A description with its counted votes."""

    description_id: int
    ups: int
    downs: int


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, in seconds since 1970: from `since` until before `until`, None without an end."""

    since: float = 0.0
    until: float | None = None


EVER = Span()
_LOOKED_UP_AT_ONCE = 50  # of descriptions that may have been hidden since they were chosen
_RANKED_KINDS = or_(of_one_hero(), description.c.kind == "team")


@dataclass(frozen=True, slots=True)
class Contest:
    """Which heroes and teams are ranked: those of a server and of some powers, None: all, made in a span.

    Scenes are left out, for they say little without what comes before. Of a team, all heroes must have one of
    the powers.
    """

    guild_id: int | None = None
    powers: frozenset[str] | None = None
    span: Span = EVER

    def in_index(self) -> list[ColumnElement[bool]]:
        """Return the conditions on rows of description that an index answers."""
        found = []
        if self.guild_id is not None:
            found.append(description.c.guild_id == self.guild_id)
        if self.span.since:
            found.append(description.c.created_at >= self.span.since)
        if self.span.until is not None:
            found.append(description.c.created_at < self.span.until)
        return found

    def of_rows(self) -> list[ColumnElement[bool]]:
        """Return the other conditions, for which rows of description are read."""
        found = [description.c.removed_at.is_(None), _RANKED_KINDS]
        if self.powers is not None:
            powers = sorted(self.powers)
            others = team_hero.c.power.not_in(powers) & (team_hero.c.description_id == description.c.id)
            found += [description.c.power.in_(powers), ~exists().where(others).correlate(description)]
        return found


@dataclass(frozen=True, slots=True)
class VoterCount:
    """A voter's counted votes. user_id: None unless they agreed to be named."""

    user_id: int | None
    votes: int


async def list_few_ids(tx: Transaction, contest: Contest, most: int) -> list[int] | None:
    """Return the descriptions of the contest's server and span, hidden ones too; None if there are more."""
    ids = select(description.c.id).where(*contest.in_index()).limit(most + 1)
    found = list((await tx.execute(ids)).scalars())
    return found if len(found) <= most else None


async def list_newest_ids(tx: Transaction, contest: Contest, most: int) -> list[int]:
    """Return the newest descriptions of the contest's server and span, hidden ones too."""
    newest = select(description.c.id).where(*contest.in_index()).order_by(description.c.created_at.desc())
    return list((await tx.execute(newest.limit(most))).scalars())


async def list_rankable(tx: Transaction, ids: Sequence[int], most: int) -> list[int]:
    """Return the first of some descriptions that are not hidden and still have votes, in the same order.

    A few are looked up at a time: pages are seldom beyond the first ones, and each text and its votes may be
    elsewhere on the disk.
    """
    found: list[int] = []
    for start in range(0, len(ids), _LOOKED_UP_AT_ONCE):
        some = ids[start : start + _LOOKED_UP_AT_ONCE]
        its_votes = select(vote.c.voter).where(vote.c.description_id == description.c.id)
        rankable = select(description.c.id).where(
            description.c.id.in_(some), description.c.removed_at.is_(None), its_votes.exists()
        )
        left = set((await tx.execute(rankable)).scalars())
        found += [each for each in some if each in left]
        if len(found) >= most:
            break
    return found[:most]


async def list_best(
    tx: Transaction,
    rule: CountingRule,
    contest: Contest,
    *,
    prior: tuple[float, float],
    ids: Collection[int] | None = None,
    offset: int,
    limit: int,
    liked: bool = True,
) -> list[Ranked]:
    """Return visible heroes and teams, ranked by Bayesian average.

    prior is the weight (in votes) and the mean of the prior. ids: only these take part, of the contest's
    server and span; this is quick if they are few. liked: only those with more ups than downs, or else all
    that have votes.
    """
    weight, mean = prior
    ups = func.sum(case((vote.c.value > 0, 1), else_=0)).label("ups")
    downs = func.sum(case((vote.c.value < 0, 1), else_=0)).label("downs")
    # not both: SQLite would read all of the index
    some = contest.in_index() if ids is None else [description.c.id.in_(ids)]
    ranked = (
        select(description.c.id, ups, downs)
        .select_from(description)
        .join(vote, vote.c.description_id == description.c.id)
        .where(*some, *contest.of_rows(), counts_alone(rule))
        .group_by(description.c.id)
        .subquery()
    )
    votes = ranked.c.ups + ranked.c.downs
    score = (weight * mean + ranked.c.ups) / (weight + votes)
    query = (
        select(ranked.c.id, ranked.c.ups, ranked.c.downs)
        .where(ranked.c.ups > ranked.c.downs if liked else true())
        .order_by(score.desc(), votes.desc(), ranked.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [Ranked(*row) for row in await tx.execute(query)]


async def list_voters(tx: Transaction, rule: CountingRule, contest: Contest) -> list[VoterCount]:
    """Return who voted on descriptions of a contest, those with most counted votes first."""
    number = func.count().label("number")
    query = (
        select(member_setting.c.user_id, number)
        .select_from(description)
        .join(vote, vote.c.description_id == description.c.id)
        .outerjoin(member_setting, member_setting.c.person == vote.c.voter)
        .where(*contest.in_index(), *contest.of_rows(), counts_alone(rule))
        .group_by(vote.c.voter, member_setting.c.user_id)
        .order_by(number.desc(), vote.c.voter)
    )
    return [VoterCount(*row) for row in await tx.execute(query)]
