"""Queries on how far an installation has come in the loop: texts, votes, datasets, models, duels."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, false, func, literal, select

from bot.store.database import Transaction
from bot.store.schema import dataset, description, duel, duel_vote, job, model, model_event, vote

_SHOWN = 20  # descriptions, the newest ones
_NOT_PASSED = ("unchecked", "held back")  # states of models that nobody can be answered by


@dataclass(frozen=True, slots=True)
class Milestones:
    """What has happened at least once, and how many models passed their checks.

    liked: two people besides the requester voted for one description; rebuilt: a dataset was built after a
    vote; replaced: another model took the live one's place; held_back: the newest model did not pass.
    """

    described: bool
    built: bool
    described_by_tuned: bool
    liked: bool
    rebuilt: bool
    dueled: bool
    replaced: bool
    held_back: bool
    models: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A tuned model's description that a message shows, by pseudonyms: who asked for it, and who likes it."""

    requester: str
    liked_by: frozenset[str]


async def get(tx: Transaction) -> Milestones:
    likes = _likes().having(func.count() >= 2)
    first_vote = select(func.min(vote.c.at)).scalar_subquery()
    newest = select(func.max(model.c.id)).scalar_subquery()
    builds = (job.c.kind == "build", job.c.state == "succeeded")
    query = select(
        exists().where(description.c.text != ""),
        exists().where(dataset.c.kind == "sft"),
        exists().where(description.c.tuned),
        likes.exists(),
        exists().where(*builds, job.c.created_at > first_vote),
        exists().where(duel_vote.c.duel_id.is_not(None)),
        exists().where(model_event.c.replaced_id.is_not(None)),
        exists().where(model.c.id == newest, model.c.state == "held back"),
        select(func.count()).where(model.c.state.not_in(_NOT_PASSED)).scalar_subquery(),
    )
    return Milestones(*(await tx.execute(query)).one())


def _likes(*conditions: ColumnElement[bool]) -> Select[int]:
    """Select the descriptions that people other than their requesters voted for."""
    likes = (vote.c.value > 0, vote.c.by_requester == false(), *conditions)
    return select(vote.c.description_id).where(*likes).group_by(vote.c.description_id)


async def get_most_liked_shown(tx: Transaction) -> Shown | None:
    """Return the most liked of the descriptions by tuned models that messages show; None if there is none."""
    newest = (
        select(description.c.id, description.c.requester)
        .where(description.c.tuned, description.c.message_id.is_not(None), description.c.removed_at.is_(None))
        .order_by(description.c.id.desc())
        .limit(_SHOWN)
    )
    shown = [Shown(requester, await _liked_by(tx, each)) for each, requester in await tx.execute(newest)]
    return max(shown, key=lambda each: len(each.liked_by - {each.requester}), default=None)


async def _liked_by(tx: Transaction, description_id: int) -> frozenset[str]:
    query = select(vote.c.voter).where(vote.c.description_id == description_id, vote.c.value > 0)
    return frozenset((await tx.execute(query)).scalars())


async def has_open_duel(tx: Transaction) -> bool:
    """Return whether a message shows a duel."""
    query = select(literal(1)).where(duel.c.message_id.is_not(None)).limit(1)
    return (await tx.execute(query)).first() is not None
