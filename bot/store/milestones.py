"""Queries on how far an installation has come in the loop: texts, votes, datasets, models, duels."""

from dataclasses import dataclass

from sqlalchemy import exists, func, literal, select

from bot.store.database import Transaction
from bot.store.descriptions import of_one_hero
from bot.store.schema import dataset, dataset_item, description, duel, duel_vote, model, model_event, vote

_SHOWN = 20  # descriptions, the newest ones
_NOT_PASSED = ("unchecked", "held back")  # states of models that nobody can be answered by


@dataclass(frozen=True, slots=True)
class Milestones:
    """What has happened at least once, and how many models passed their checks.

    rebuilt: a dataset has a text that people liked; voted_at: the moment of the newest vote; replaced:
    another model took the live one's place; held_back: the newest model did not pass, and no further dataset
    was built since; has_shipped: the newest dataset has the bot's own texts that come with it.
    """

    described: bool
    built: bool
    described_by_tuned: bool
    rebuilt: bool
    voted_at: float | None
    dueled: bool
    replaced: bool
    held_back: bool
    has_shipped: bool
    models: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A tuned model's description that a message shows, by pseudonyms: who asked for it, and who likes it."""

    id: int
    requester: str
    message_id: int
    liked_by: frozenset[str]


async def get(tx: Transaction) -> Milestones:
    liked = select(literal(1)).join(dataset, dataset.c.id == dataset_item.c.dataset_id)
    newest = select(func.max(model.c.id)).scalar_subquery()
    dataset_id = select(func.max(dataset.c.id)).where(dataset.c.kind == "sft").scalar_subquery()
    query = select(
        exists().where(description.c.text != ""),
        exists().where(dataset.c.kind == "sft"),
        exists().where(description.c.tuned),
        liked.where(dataset.c.kind == "sft", dataset_item.c.source == "description").exists(),
        select(func.max(vote.c.at)).scalar_subquery(),
        exists().where(duel_vote.c.duel_id.is_not(None)),
        exists().where(model_event.c.replaced_id.is_not(None)),
        exists().where(model.c.id == newest, model.c.state == "held back", model.c.dataset_id == dataset_id),
        exists().where(dataset_item.c.dataset_id == dataset_id, dataset_item.c.source == "herosmith-build"),
        select(func.count()).where(model.c.state.not_in(_NOT_PASSED)).scalar_subquery(),
    )
    return Milestones(*(await tx.execute(query)).one())


async def list_shown(tx: Transaction) -> list[Shown]:
    """Return the newest descriptions by tuned models that messages show, newest first."""
    newest = (
        select(description.c.id, description.c.requester, description.c.message_id)
        .where(description.c.tuned, description.c.message_id.is_not(None), description.c.removed_at.is_(None))
        .where(of_one_hero())
        .order_by(description.c.id.desc())
        .limit(_SHOWN)
    )
    return [Shown(*row, await _liked_by(tx, row.id)) for row in await tx.execute(newest)]


async def _liked_by(tx: Transaction, description_id: int) -> frozenset[str]:
    query = select(vote.c.voter).where(vote.c.description_id == description_id, vote.c.value > 0)
    return frozenset((await tx.execute(query)).scalars())


async def newest_duel_message(tx: Transaction) -> int | None:
    """Return the id of the message that shows the newest duel; None if there is none."""
    query = (
        select(duel.c.message_id).where(duel.c.message_id.is_not(None)).order_by(duel.c.id.desc()).limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()
