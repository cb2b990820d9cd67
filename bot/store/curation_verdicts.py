"""Queries on what curation said of descriptions, and on how many of them some votes and verdicts have."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Subquery, and_, func, select

from bot.store.counting_rule import CountingRule
from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import curation_verdict, dataset_item
from bot.store.scores import select_votes
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class RatedGroup:
    """How many visible descriptions of one hero have these counted votes, and what else decides about them.

    in_vocabulary: whether their powers may train. judged: whether curation has looked at their texts; reason:
    why these may not train, None if they may. used: whether the texts are in the dataset that is meant.
    """

    ups: int
    downs: int
    in_vocabulary: bool
    judged: bool
    reason: str | None
    used: bool
    size: int


class UnjudgedText(NamedTuple):
    """A rated description whose powers may train, and whose text curation has not looked at."""

    id: int
    ups: int
    downs: int
    used: bool


async def get_many(tx: Transaction, ids: Collection[int], *, rules: str) -> dict[int, str | None]:
    """Return why texts may not train (None: they may), of those that were judged by these rules."""
    mine = (curation_verdict.c.description_id.in_(ids), curation_verdict.c.rules == rules)
    query = select(curation_verdict.c.description_id, curation_verdict.c.reason).where(*mine)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def put(tx: Transaction, reasons: Mapping[int, str | None], *, rules: str) -> None:
    """Store verdicts by the ids of their descriptions, in place of those by other rules."""
    await upsert(tx, curation_verdict, [(each, rules, reason) for each, reason in reasons.items()])


async def count_groups(
    tx: Transaction, rule: CountingRule, *, powers: Collection[str], rules: str, dataset_id: int | None
) -> list[RatedGroup]:
    """Count the rated descriptions by what decides about their admission.

    powers: those that may train. rules: the version of curation's rules. dataset_id: whose texts are used.
    """
    known = _rated(rule, powers=powers, rules=rules, dataset_id=dataset_id)
    by = [each for each in known.c if each is not known.c.id]
    query = select(*by, func.count().label("size")).group_by(*by)
    return [
        RatedGroup(
            int(row.ups),
            int(row.downs),
            bool(row.in_vocabulary),
            bool(row.judged),
            row.reason,
            bool(row.used),
            row.size,
        )
        for row in await tx.execute(query)
    ]


async def list_unjudged(
    tx: Transaction,
    rule: CountingRule,
    *,
    powers: Collection[str],
    rules: str,
    dataset_id: int | None,
    fewest_ups: int,
) -> list[UnjudgedText]:
    """Return the rated descriptions of count_groups() that were not judged by these rules.

    Only those of the powers, and with so many ups.
    """
    rated = _rated(rule, powers=powers, rules=rules, dataset_id=dataset_id)
    query = select(rated.c.id, rated.c.ups, rated.c.downs, rated.c.used).where(
        rated.c.in_vocabulary, ~rated.c.judged, rated.c.ups >= fewest_ups
    )
    return [
        UnjudgedText(id_, int(ups), int(downs), bool(used))
        for id_, ups, downs, used in await tx.execute(query)
    ]


def _rated(rule: CountingRule, *, powers: Collection[str], rules: str, dataset_id: int | None) -> Subquery:
    votes = select_votes(rule, of_one_hero()).subquery()
    its = and_(curation_verdict.c.description_id == votes.c.id, curation_verdict.c.rules == rules)
    its_texts = select(dataset_item.c.source_id).where(
        dataset_item.c.dataset_id == dataset_id,
        dataset_item.c.source == "description",
        dataset_item.c.deleted.is_(False),
    )
    # grouped by from outside: PostgreSQL takes two parameters of the same value for different expressions
    return (
        select(
            votes.c.id,
            votes.c.ups,
            votes.c.downs,
            votes.c.power.in_(sorted(powers)).label("in_vocabulary"),
            curation_verdict.c.rules.is_not(None).label("judged"),
            curation_verdict.c.reason,
            votes.c.id.in_(its_texts).label("used"),
        )
        .outerjoin(curation_verdict, its)
        .subquery()
    )
