"""Queries on everything that is held about one person."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, func, or_, select, update

from bot.i18n.message import LocalizedMessage
from bot.store import datasets, notifications
from bot.store.database import Transaction
from bot.store.hero_columns import EMPTY_HERO
from bot.store.schema import (
    blocked_person,
    bookmark,
    card_post,
    curation_verdict,
    daily_use,
    description,
    duel,
    duel_vote,
    job,
    member_setting,
    model_event,
    notice,
    pick,
    power,
    quota_reset,
    reaction,
    report,
    season,
    team_hero,
    vote,
)

# The columns that relate a row to a person: a pseudonym (an HMAC of the user id), or an operator's user id.
PSEUDONYMS = (
    description.c.requester,
    reaction.c.voter,
    vote.c.voter,
    duel_vote.c.voter,
    report.c.reporter,
    pick.c.voter,
    bookmark.c.person,
    member_setting.c.person,
    blocked_person.c.person,
    quota_reset.c.person,
    daily_use.c.person,
)
IDS = (
    job.c.requester_id,
    model_event.c.actor_id,
    notice.c.mention_id,
    power.c.actor_id,
    season.c.actor_id,
    member_setting.c.user_id,
    blocked_person.c.actor_id,
    quota_reset.c.actor_id,
)

# What a person leaves on a description: which one it is about, and whose it is.
_LEFT_ON_TEXTS = (
    (reaction.c.description_id, reaction.c.voter),
    (vote.c.description_id, vote.c.voter),
    (report.c.description_id, report.c.reporter),
    (bookmark.c.description_id, bookmark.c.person),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A person's pseudonym (an HMAC) and Discord user id, by which tables refer to them."""

    pseudonym: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of a deletion: rows per table, and the versions of datasets that must be rebuilt.

    quoted: the texts that messages with takes of others quote.
    """

    rows: dict[str, int]
    datasets: list[int] = field(default_factory=list)
    quoted: list[int] = field(default_factory=list)


async def count_rows(tx: Transaction, person: Person) -> dict[str, int]:
    """Count the person's rows in each table, by its name, including tables without any."""
    found = {}
    for table, owned in _owned_rows(person):
        query = select(func.count()).select_from(table).where(owned)
        found[table.name] = int((await tx.execute(query)).scalar_one())
    return found


async def list_rows(tx: Transaction, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Return the person's rows by the table's name, and the heroes of their teams.

    Columns that name somebody else are left out: whom the person blocked, or who blocked them.
    """
    found = {}
    mine = (None, person.pseudonym, person.user_id)
    for table, owned in _owned_rows(person):
        naming = {column.name for column in (*PSEUDONYMS, *IDS) if column.table is table}
        query = select(table).where(owned).order_by(*table.primary_key)
        found[table.name] = [
            {name: value for name, value in row._mapping.items() if name not in naming or value in mine}
            for row in await tx.execute(query)
        ]
    texts = select(description.c.id).where(description.c.requester == person.pseudonym)
    of_teams = select(team_hero).where(team_hero.c.description_id.in_(texts))
    rows = await tx.execute(of_teams.order_by(*team_hero.primary_key))
    return found | {team_hero.name: [dict(row._mapping) for row in rows]}


async def erase(tx: Transaction, person: Person, *, at: float) -> Erased:
    """Delete a person's data for good.

    Their votes, duel votes and reports are deleted. The descriptions that they asked for are redacted, as are
    the items of datasets made of these, the notifications that quote them, and what others wrote of their own
    in reports of them; the empty rows are kept for the votes of others. Rows of an operator's actions are
    kept without the operator's id. That a person is blocked stays, or deleting would lift it, and until the
    day's end how many heroes they had, or they could have them again.
    """
    deleted = await count_rows(tx, person)
    texts = select(description.c.id).where(description.c.requester == person.pseudonym)
    voted = select(reaction.c.description_id).where(reaction.c.voter == person.pseudonym)
    await tx.execute(update(description).where(description.c.id.in_(voted)).values(settled=True))
    for column in PSEUDONYMS:
        if column.table not in (description, blocked_person, daily_use):
            await tx.execute(delete(column.table).where(column == person.pseudonym))
    quoted = await _list_quoted(tx, person.pseudonym)
    to_rebuild = await _erase_texts(tx, texts, at=at)
    for column in IDS:
        await tx.execute(update(column.table).where(column == person.user_id).values({column: None}))
    return Erased(deleted, to_rebuild, quoted)


async def erase_descriptions(
    tx: Transaction, pseudonym: str, ids: Collection[int], *, at: float
) -> list[int]:
    """Delete single descriptions of a person for good, as erase() does with all of them.

    What the person left on them goes, too; votes in a duel stay, as they are final. Return the versions of
    datasets that must be rebuilt.
    """
    for about, whose in _LEFT_ON_TEXTS:
        await tx.execute(delete(about.table).where(about.in_(ids), whose == pseudonym))
    mine = select(description.c.id).where(description.c.id.in_(ids), description.c.requester == pseudonym)
    return await _erase_texts(tx, mine, at=at)


async def _list_quoted(tx: Transaction, pseudonym: str) -> list[int]:
    """Return the texts of a person that messages with takes of others quote, the newest first."""
    texts = select(description.c.id).where(description.c.requester == pseudonym)
    take = description.alias()
    query = (
        select(take.c.parent_id)
        .distinct()
        .where(
            take.c.parent_id.in_(texts),
            take.c.kind == "take",
            take.c.requester != pseudonym,
            take.c.message_id.is_not(None),
            take.c.removed_at.is_(None),
        )
        .order_by(take.c.parent_id.desc())
    )
    return list((await tx.execute(query)).scalars())


async def _erase_texts(tx: Transaction, texts: Select[Any], *, at: float) -> list[int]:
    """Empty descriptions and all that quotes them, and return the datasets that must be rebuilt.

    texts: a query for their ids. Picks between such a text and another one go, whoever picked.
    """
    to_rebuild = await datasets.redact(tx, texts)
    quoting = update(notice).where(notice.c.action.in_(notifications.actions("removal", texts)))
    await tx.execute(quoting.values(text=LocalizedMessage(""), told=True))
    await tx.execute(update(report).where(report.c.description_id.in_(texts)).values(words=""))
    for table in (card_post, curation_verdict, team_hero):
        await tx.execute(delete(table).where(table.c.description_id.in_(texts)))
    takes = select(description.c.id).where(description.c.parent_id.in_(texts))
    await tx.execute(delete(pick).where(or_(pick.c.take_id.in_(texts), pick.c.take_id.in_(takes))))
    shown = or_(duel.c.live_description_id.in_(texts), duel.c.candidate_description_id.in_(texts))
    await tx.execute(update(duel).where(shown).values(channel_id=None, message_id=None))
    redacted = {
        "requester": "",
        **EMPTY_HERO.as_dict(),
        "text": "",
        "sampling": {},
        "guild_id": None,
        "channel_id": None,
        "message_id": None,
        "removed_at": func.coalesce(description.c.removed_at, at),
    }
    await tx.execute(update(description).where(description.c.id.in_(texts)).values(redacted))
    return to_rebuild


def _owned_rows(person: Person) -> Iterable[tuple[Table, ColumnElement[bool]]]:
    """Return each personal table once: a row is the person's if any of its columns names them."""
    owned: dict[Table, ColumnElement[bool]] = {}
    for columns, value in ((PSEUDONYMS, person.pseudonym), (IDS, person.user_id)):
        for column in columns:
            condition = column == value
            owned[column.table] = or_(owned[column.table], condition) if column.table in owned else condition
    return owned.items()
