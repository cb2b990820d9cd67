"""The lifecycle of models: promotion, retirement, the next challenger, and the predecessor.

Each function is part of a transaction of the registry or the trials. Whether votes prove a candidate better
is decided in bot/rating/sequential_test.py.
"""

import time
from typing import Literal

from bot.store import models, trials
from bot.store.database import Transaction
from bot.store.models import EventKind, Model, ModelEvent
from bot.store.trials import Trial

CandidateStage = Literal[
    "not deployed", "without rival", "in duels", "won", "undecided", "behind winner", "waiting"
]
"""Where a candidate stands on its way to go live by votes.

without rival: no trained model is live to compare it with; behind winner: it waits until an operator has
decided on the one that has won.
"""

_TOOK_OVER = frozenset[EventKind]({"promoted", "override", "overruled"})


async def promote(
    tx: Transaction,
    model: Model,
    what: EventKind,
    *,
    actor_id: int | None = None,
    challenges_until: float | None = None,
) -> None:
    """Make a model the live one.

    The one before is retired; with challenges_until, it stays a candidate until then and may win its place
    back. Stop a trial that one of the two was in.
    """
    now = time.time()
    before = await models.get_live(tx)
    if before and challenges_until is None:
        await models.change(tx, before.id, state="retired", challenges_until=None)
    elif before:
        await models.change(tx, before.id, state="candidate", challenges_until=challenges_until)
    await models.change(tx, model.id, state="live", challenges_until=None)
    replaced = before.id if before else None
    await models.add_event(tx, model.id, what, at=now, replaced_id=replaced, actor_id=actor_id)
    if before and challenges_until is not None:
        await models.add_event(tx, before.id, "challenges", at=now)
    await trials.stop_invalid(tx, at=now)


async def retire(tx: Transaction, model_id: int, what: EventKind, *, actor_id: int | None = None) -> None:
    """Retire a model, and stop the trial that it was in."""
    now = time.time()
    await models.change(tx, model_id, state="retired", challenges_until=None)
    await models.add_event(tx, model_id, what, at=now, actor_id=actor_id)
    await trials.stop_invalid(tx, at=now)


async def challenger(tx: Transaction) -> Model | None:
    """Return the candidate that challenges the live model, or whose turn is next.

    It is the first by turn() that is served and has had no undecided trial against this live model. Return
    None if there is none, or one has won and waits for an operator's confirmation.
    """
    running = await trials.get_running(tx)
    if running:
        return await models.get(tx, running.candidate_id)
    if await models.get_live(tx) is None or await winning_trial(tx):
        return None
    last = await _last_trials(tx)
    waiting = [
        each
        for each in await _candidates(tx)
        if each.served_as and not (each.id in last and last[each.id].state == "undecided")
    ]
    return min(waiting, key=turn, default=None)


def turn(candidate: Model) -> tuple[bool, int]:
    """Return the key that sorts candidates by when their trial comes.

    The oldest comes first; those that lost their place come after all others.
    """
    return is_rematch(candidate), candidate.id


async def winning_trial(tx: Transaction) -> Trial | None:
    """Return the won trial whose candidate waits for an operator's confirmation, if any."""
    last = await _last_trials(tx)
    ended = [last[each.id] for each in await _candidates(tx) if each.id in last and not is_rematch(each)]
    return next((each for each in ended if each.state == "won"), None)


async def _candidates(tx: Transaction) -> list[Model]:
    return [each for each in await models.list_all(tx) if each.state == "candidate"]


async def _last_trials(tx: Transaction) -> dict[int, Trial]:
    """Return the last trial of each model against the live one, by the model's number."""
    live = await models.get_live(tx)
    return {each.candidate_id: each for each in await trials.list_by_live(tx, live.id)} if live else {}


async def candidate_stages(tx: Transaction) -> dict[int, CandidateStage]:
    """Return where each candidate stands, by its number."""
    live, next_one, won = await models.get_live(tx), await challenger(tx), await winning_trial(tx)
    last = await _last_trials(tx)

    def stage(candidate: Model) -> CandidateStage:
        if candidate.served_as is None:
            return "not deployed"
        if live is None:
            return "without rival"
        if candidate == next_one:
            return "in duels"
        if won and won.candidate_id == candidate.id:
            return "won"
        if candidate.id in last and last[candidate.id].state == "undecided":
            return "undecided"
        return "behind winner" if won else "waiting"

    return {each.id: stage(each) for each in await _candidates(tx)}


def must_be_overruled(model: Model) -> bool:
    """Return whether a model was held back by its check, or is not checked yet."""
    return model.state == "unchecked" or (model.verdict is not None and not model.verdict.passed)


def is_rematch(candidate: Model) -> bool:
    """Return whether a candidate lost its place by votes: trials that it won before no longer count."""
    return candidate.challenges_until is not None


async def predecessor(tx: Transaction, model: Model) -> Model | None:
    """Return the model that this one replaced; if its server has lost it since, the one before."""
    events = await models.list_events(tx)
    missing = _missing_ids(events)
    current, seen = model.id, {model.id}
    while True:
        promotions = [event for event in events if event.model_id == current and event.what in _TOOK_OVER]
        replaced = promotions[-1].replaced_id if promotions else None
        if replaced is None or replaced in seen:
            return None
        if replaced not in missing:
            return await models.get(tx, replaced)
        seen.add(replaced)
        current = replaced


def _missing_ids(events: list[ModelEvent]) -> set[int]:
    """Return the ids of models that their server has lost or deleted, and that did not come back since."""
    missing: set[int] = set()
    for event in events:
        if event.what in ("lost", "pruned"):
            missing.add(event.model_id)
        elif event.what not in ("retired", "outvoted"):
            missing.discard(event.model_id)
    return missing
