"""Succession: who takes the live model's place, who had it before, and who may ask for it next.

Pieces of a transaction: the registry and the trials put them together.
"""

import time

from bot.store import models, trials
from bot.store.database import Transaction
from bot.store.models import Model, ModelEvent, What

_TOOK_OVER = frozenset[What]({"promoted", "override"})


async def promote(
    tx: Transaction,
    model: Model,
    what: What,
    *,
    actor_id: int | None = None,
    challenges_until: float | None = None,
) -> None:
    """Put a model in the live one's place.

    The one before is retired, or where challenges_until is given, may win its place back until then. A trial
    that one of the two was in is stopped.
    """
    now = time.time()
    before = await models.live(tx)
    if before and challenges_until is None:
        await models.change(tx, before.id, state="retired", challenges_until=None)
    elif before:
        await models.change(tx, before.id, state="candidate", challenges_until=challenges_until)
    await models.change(tx, model.id, state="live", challenges_until=None)
    replaced = before.id if before else None
    await models.note(tx, model.id, what, at=now, replaced_id=replaced, actor_id=actor_id)
    if before and challenges_until is not None:
        await models.note(tx, before.id, "challenges", at=now)
    await trials.stop_void(tx, at=now)


async def retire(tx: Transaction, model_id: int, what: What, *, actor_id: int | None = None) -> None:
    """Take a model out of the running, and stop the trial that it was in."""
    now = time.time()
    await models.change(tx, model_id, state="retired", challenges_until=None)
    await models.note(tx, model_id, what, at=now, actor_id=actor_id)
    await trials.stop_void(tx, at=now)


async def challenger(tx: Transaction) -> Model | None:
    """The candidate that challenges the live model now, or whose turn it is.

    That is the oldest that can be asked and has not had its trial against this live model; models that lost
    their place come last. None where there is none, or where one has won and an operator has to say yes.
    """
    live = await models.live(tx)
    running = await trials.running(tx)
    if live is None or running:
        return await models.get(tx, running.candidate_id) if running else None
    candidates = {each.id: each for each in await models.every(tx) if each.state == "candidate"}
    tried = {each.candidate_id: each.state for each in await trials.against(tx, live.id)}
    if any(tried.get(each.id) == "won" and not is_rematch(each) for each in candidates.values()):
        return None
    waiting = [each for each in candidates.values() if each.served_as and tried.get(each.id) != "undecided"]
    return min(waiting, key=lambda each: (is_rematch(each), each.id), default=None)


def is_rematch(candidate: Model) -> bool:
    """Whether a candidate has lost its place to another model's votes: what it won before is used up."""
    return candidate.challenges_until is not None


async def predecessor(tx: Transaction, model: Model) -> Model | None:
    """The model whose place this one took, or the one before that where the server has lost it since."""
    events = await models.events(tx)
    gone = _missing_ids(events)
    place, seen = model.id, {model.id}
    while True:
        took = [each for each in events if each.model_id == place and each.what in _TOOK_OVER]
        replaced = took[-1].replaced_id if took else None
        if replaced is None or replaced in seen:
            return None
        if replaced not in gone:
            return await models.get(tx, replaced)
        seen.add(replaced)
        place = replaced


def _missing_ids(events: list[ModelEvent]) -> set[int]:
    """The models that their server has lost, less those that came back since."""
    gone: set[int] = set()
    for event in events:
        if event.what == "lost":
            gone.add(event.model_id)
        elif event.what not in ("retired", "outvoted"):
            gone.discard(event.model_id)
    return gone
