"""Queries on lists of heroes: those that a person asked for, and those that they keep."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from bot.heroes.hero import Hero
from bot.store import descriptions, teams
from bot.store.database import Transaction
from bot.store.descriptions import Description
from bot.store.schema import bookmark, description, duel, duel_vote, model, trial


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which heroes of a list are wanted; None wants all.

    power: in its own words. model: the number of the model that wrote the text, 0 for the base model.
    """

    power: str | None = None
    model: int | None = None


@dataclass(frozen=True, slots=True)
class ListedHero:
    """A description in a list.

    blind: its reader must not learn yet which model wrote it, as it may be voted on in a trial. team: the
    heroes of a team, empty for other kinds.
    """

    description: Description
    blind: bool
    team: tuple[Hero, ...] = ()


@dataclass(frozen=True, slots=True)
class HeroList:
    """Whose list it is, and who reads it, both by pseudonym.

    kept: what the owner keeps, without what is hidden or gone; otherwise what the owner asked for. guild_id:
    only what is visible in this server; None lists all, the hidden ones among those that were asked for.
    """

    owner: str
    reader: str
    kept: bool = False
    guild_id: int | None = None


async def list_page(
    tx: Transaction, wanted: HeroList, by: ListFilter, *, offset: int, limit: int
) -> list[ListedHero]:
    """Return heroes of a list, the newest first."""
    blind = _is_blind(wanted.reader).label("blind")
    query = _narrowed(_select(wanted, description.c.id, blind), wanted, by)
    rows = (await tx.execute(query.order_by(*_newest(wanted)).offset(offset).limit(limit))).all()
    if not rows:
        return []
    found = {each.id: each for each in await descriptions.get_many(tx, [row.id for row in rows])}
    members = await teams.list_heroes(tx, [each.id for each in found.values() if each.kind == "team"])
    return [ListedHero(found[row.id], row.blind, tuple(members.get(row.id, ()))) for row in rows]


async def list_powers(tx: Transaction, wanted: HeroList) -> list[str]:
    """Return the powers in a list, the most frequent first."""
    counted = _select(wanted, description.c.power).group_by(description.c.power)
    query = counted.order_by(func.count().desc(), description.c.power)
    return list((await tx.execute(query)).scalars())


async def count_gone(tx: Transaction, person: str) -> int:
    """Count what a person keeps and cannot see any more, because it is hidden or deleted."""
    query = (
        select(func.count())
        .select_from(bookmark)
        .join(description, description.c.id == bookmark.c.description_id)
        .where(bookmark.c.person == person, description.c.removed_at.is_not(None))
    )
    return int((await tx.execute(query)).scalar_one())


async def is_blind(tx: Transaction, description_id: int, reader: str) -> bool:
    """Return whether a person must not learn yet which model wrote a text."""
    query = select(_is_blind(reader)).where(description.c.id == description_id)
    return bool((await tx.execute(query)).scalar_one_or_none())


async def list_blind(tx: Transaction, reader: str) -> set[int]:
    """Return the texts of duels in the running trial in which a person (a pseudonym) has not voted."""
    voted = select(duel_vote.c.duel_id).where(duel_vote.c.duel_id == duel.c.id, duel_vote.c.voter == reader)
    query = (
        select(duel.c.live_description_id, duel.c.candidate_description_id)
        .join(trial, trial.c.id == duel.c.trial_id)
        .where(trial.c.state == "running", ~voted.exists())
    )
    return {each for row in await tx.execute(query) for each in row}


def _select(wanted: HeroList, *columns: Any) -> Select[Any]:
    query = select(*columns)
    if wanted.kept:
        joined = query.select_from(bookmark).join(description, description.c.id == bookmark.c.description_id)
        query = joined.where(bookmark.c.person == wanted.owner, description.c.removed_at.is_(None))
    else:
        query = query.select_from(description).where(description.c.requester == wanted.owner)
    if wanted.guild_id is not None:
        # + 0: else SQLite may walk through all texts of the server, where the person may have asked for none
        here = description.c.guild_id + 0 == wanted.guild_id
        query = query.where(here, description.c.removed_at.is_(None))
    return query


def _newest(wanted: HeroList) -> tuple[ColumnElement[Any], ...]:
    if wanted.kept:
        return bookmark.c.at.desc(), bookmark.c.description_id.desc()
    return description.c.created_at.desc(), description.c.id.desc()


def _narrowed(query: Select[Any], wanted: HeroList, by: ListFilter) -> Select[Any]:
    """Narrow a query by power and model. Whose model its reader must not learn is no model's."""
    if by.power is not None:
        query = query.where(description.c.power == by.power)
    if by.model is None:
        return query
    written: ColumnElement[bool]
    if by.model == 0:
        written = description.c.tuned.is_(False)
    else:
        name = select(model.c.name).where(model.c.id == by.model).scalar_subquery()
        written = and_(description.c.tuned.is_(True), description.c.model == name)
    return query.where(written, ~_is_blind(wanted.reader))


def _is_blind(reader: str) -> ColumnElement[bool]:
    """Tell whether a description is in a duel of the running trial in which the reader has not voted."""
    voted = select(duel_vote.c.duel_id).where(duel_vote.c.duel_id == duel.c.id, duel_vote.c.voter == reader)
    either = or_(
        duel.c.live_description_id == description.c.id, duel.c.candidate_description_id == description.c.id
    )
    return (
        select(duel.c.id)
        .join(trial, trial.c.id == duel.c.trial_id)
        .where(either, trial.c.state == "running", ~voted.exists())
        .correlate(description)
        .exists()
    )
