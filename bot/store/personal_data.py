"""Queries on everything that is held about one person."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update

from bot.i18n.message import LocalizedMessage
from bot.store import datasets, notifications
from bot.store.database import Transaction
from bot.store.hero_columns import EMPTY_HERO
from bot.store.schema import (
    description,
    duel,
    duel_vote,
    job,
    model_event,
    notice,
    power,
    reaction,
    report,
    vote,
)

# The columns by which a row is somebody's: an HMAC of the user's id, or an operator's own id.
PSEUDONYMS = (
    description.c.requester,
    reaction.c.voter,
    vote.c.voter,
    duel_vote.c.voter,
    report.c.reporter,
)
IDS = (job.c.requester_id, model_event.c.actor_id, notice.c.mention_id, power.c.actor_id)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the tables know them: their pseudonym (an HMAC) and their Discord id."""

    pseudonym: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What a deletion took: how many rows of each table, and the datasets that are to be built anew."""

    rows: dict[str, int]
    datasets: list[int] = field(default_factory=list)


async def counts(tx: Transaction, person: Person) -> dict[str, int]:
    """How many rows of each table are the person's, by its name; tables that hold none included."""
    found = {}
    for table, theirs in _of(person):
        query = select(func.count()).select_from(table).where(theirs)
        found[table.name] = int((await tx.execute(query)).scalar_one())
    return found


async def rows(tx: Transaction, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Every row that is the person's, by its table's name, in all its columns."""
    found = {}
    for table, theirs in _of(person):
        query = select(table).where(theirs).order_by(*table.primary_key)
        found[table.name] = [dict(row._mapping) for row in await tx.execute(query)]
    return found


async def erase(tx: Transaction, person: Person, *, at: float) -> Erased:
    """Forget a person, for ever.

    Their votes, picks and reports go. The descriptions that they asked for are emptied: an empty row stays
    for the votes of others. What of them lay in datasets leaves tombstones, and notices that quoted
    them are emptied. Rows of what an operator did stay, and no longer say who it was.
    """
    gone = await counts(tx, person)
    theirs = select(description.c.id).where(description.c.requester == person.pseudonym)
    to_rebuild = await datasets.redact(tx, theirs)
    quoting = update(notice).where(notice.c.action.in_(notifications.actions("removal", theirs)))
    await tx.execute(quoting.values(text=LocalizedMessage(""), told=True))
    shown = or_(duel.c.live_description_id.in_(theirs), duel.c.candidate_description_id.in_(theirs))
    await tx.execute(update(duel).where(shown).values(channel_id=None, message_id=None))
    voted = select(reaction.c.description_id).where(reaction.c.voter == person.pseudonym)
    await tx.execute(update(description).where(description.c.id.in_(voted)).values(settled=True))
    for column in PSEUDONYMS:
        if column.table is not description:
            await tx.execute(delete(column.table).where(column == person.pseudonym))
    emptied = {
        "requester": "",
        **EMPTY_HERO.as_dict(),
        "text": "",
        "sampling": {},
        "guild_id": None,
        "channel_id": None,
        "message_id": None,
        "removed_at": func.coalesce(description.c.removed_at, at),
    }
    await tx.execute(update(description).where(description.c.requester == person.pseudonym).values(emptied))
    for column in IDS:
        await tx.execute(update(column.table).where(column == person.user_id).values({column: None}))
    return Erased(gone, to_rebuild)


def _of(person: Person) -> Iterable[tuple[Table, ColumnElement[bool]]]:
    for column in PSEUDONYMS:
        yield column.table, column == person.pseudonym
    for column in IDS:
        yield column.table, column == person.user_id
