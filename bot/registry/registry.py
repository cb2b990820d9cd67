"""The registry of tuned models: new ones, candidates, the single live one, retired ones; their history."""

import time
from dataclasses import dataclass
from typing import Any

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.registry import lifecycle
from bot.registry.lifecycle import CandidateStage
from bot.registry.names import model_name
from bot.store import models, notifications, trials
from bot.store.database import Database, Transaction
from bot.store.job_schema import Verdict
from bot.store.models import Model, ModelEvent


class NotPassed(UserError):
    """A model is to serve that was held back, or was not checked. An operator may overrule that."""

    def __init__(self, model: Model) -> None:
        self.model = model
        held_back = mark("{model} was held back: its check says that it writes too badly.")
        unchecked = mark("{model} is not checked yet: nobody knows how well it writes.")
        super().__init__(unchecked if model.verdict is None else held_back, model=model_name(model.id))


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model with the hash of its dataset, and its events, oldest first.

    tuned_from is the model that it was tuned from if that was tuned here as well.
    """

    model: Model
    tuned_from: Model | None
    dataset_hash: str
    events: list[ModelEvent]


class Registry:
    """All tuned models; none is ever removed. A constraint of the database allows a single live one.

    gated: a new model is unchecked until conclude() has its verdict.
    """

    def __init__(self, db: Database, *, gated: bool) -> None:
        self._db = db
        self._gated = gated

    async def live(self) -> Model | None:
        async with self._db.read() as tx:
            return await models.get_live(tx)

    async def all(self) -> list[Model]:
        """Return all models, oldest first."""
        async with self._db.read() as tx:
            return await models.list_all(tx)

    async def candidate_stages(self) -> dict[int, CandidateStage]:
        """Return where each candidate stands on its way to go live by votes, by its number."""
        async with self._db.read() as tx:
            return await lifecycle.candidate_stages(tx)

    async def get(self, model_id: int) -> Model:
        """Return a model. Raises UserError if there is none."""
        async with self._db.read() as tx:
            return await _get_or_raise(tx, model_id)

    async def record(self, model_id: int) -> ModelRecord:
        """Return a model with its history. Raises UserError if there is no such model."""
        async with self._db.read() as tx:
            model = await _get_or_raise(tx, model_id)
            return ModelRecord(
                model,
                await models.get_by_name(tx, model.base),
                await models.get_dataset_hash(tx, model_id),
                await models.list_events(tx, model_id),
            )

    async def register(
        self,
        *,
        name: str,
        base: str,
        dataset_id: int,
        job_id: int,
        metrics: dict[str, Any],
        served_as: str | None,
    ) -> Model:
        """Add the model of a job, or return the one that the job has added before, unchanged.

        It is unchecked, and waits for its check. If new models are not checked (CHECK_HEROES is 0), it is a
        candidate, or goes live at once if no model is live; one that must be deployed first (served_as None)
        does not go live. Raises UserError if another job's model has the name.
        """
        now = time.time()
        async with self._db.write() as tx:
            existing = await models.get_by_name(tx, name)
            if existing and existing.job_id != job_id:
                raise UserError(
                    "The model server calls the new model `{name}`, as it called model {id}, which is "
                    "kept. Ask its operator.",
                    name=name,
                    id=existing.id,
                )
            if existing:
                return existing
            added = await models.add(
                tx,
                name=name,
                base=base,
                dataset_id=dataset_id,
                job_id=job_id,
                state="unchecked" if self._gated else "candidate",
                metrics=metrics,
                served_as=served_as,
                created_at=now,
            )
            await models.add_event(tx, added.id, "registered", at=now)
            return await _promote_first(tx, added)

    async def by_name(self, name: str) -> Model | None:
        """Return the model of a server's long name; None if it was not tuned here."""
        async with self._db.read() as tx:
            return await models.get_by_name(tx, name)

    async def of_job(self, job_id: int) -> Model | None:
        """Return the model that a fine-tuning job has registered; None before it has."""
        return next((model for model in await self.all() if model.job_id == job_id), None)

    async def root_base(self, name: str) -> str:
        """Return the untuned model from which a base comes by way of tuned ones."""
        by_name = {model.name: model for model in await self.all()}
        while name in by_name:
            name = by_name[name].base
        return name

    async def count_ahead(self, model: Model) -> int:
        """Return how many candidates have their trial before a candidate's own, with the one in duels now.

        A winner that waits for an operator counts as well. Return 0 for a model that awaits no trial.
        """
        stages, turn = await self.candidate_stages(), lifecycle.turn(model)
        if stages.get(model.id) not in ("not deployed", "behind winner", "waiting"):
            return 0
        return sum(
            stages.get(each.id) in ("in duels", "won")
            or (stages.get(each.id) in ("behind winner", "waiting") and lifecycle.turn(each) < turn)
            for each in await self.all()
        )

    async def set_metrics(self, model_id: int, metrics: dict[str, Any]) -> None:
        """Store a model's held-out losses."""
        async with self._db.write() as tx:
            await models.change(tx, model_id, metrics=metrics)

    async def conclude(self, model_id: int, verdict: Verdict) -> Model | None:
        """Store a model's verdict: it is a candidate from now on, or live if none is; or it is held back.

        Return the model. Return None, with nothing stored, if another model is live than the one that it was
        compared with. A model that is live or retired by now stays so.
        """
        async with self._db.write() as tx:
            model, live = await _get_or_raise(tx, model_id), await models.get_live(tx)
            if live and live.id == model.id:
                return model
            if (live.id if live else None) != verdict.live_id:
                return None
            await models.change(tx, model.id, verdict=verdict.to_json())
            if model.state == "retired":
                return await _get_or_raise(tx, model.id)
            if not verdict.passed:
                return await _hold_back(tx, model)
            if model.state != "candidate":
                await models.change(tx, model.id, state="candidate")
            await models.add_event(tx, model.id, "passed", at=time.time())
            return await _promote_first(tx, await _get_or_raise(tx, model.id))

    async def set_served_name(self, model_id: int, served_as: str, *, actor_id: int | None = None) -> Model:
        """Store the name under which a model is served. If none is checked, it goes live if none is.

        Raises UserError if there is no such model, or the name is blank.
        """
        if not served_as.strip():
            raise UserError("Say the model's name at its provider.")
        async with self._db.write() as tx:
            model = await _get_or_raise(tx, model_id)
            await models.change(tx, model_id, served_as=served_as.strip())
            if model.state == "unchecked" and not self._gated:
                await models.change(tx, model_id, state="candidate")
            await models.add_event(tx, model_id, "deployed", at=time.time(), actor_id=actor_id)
            return await _promote_first(tx, await _get_or_raise(tx, model_id))

    async def promote(self, model_id: int, *, actor_id: int | None = None, overrule: bool = False) -> Model:
        """Make a model the live one by hand (an override) and retire the one before, in one transaction.

        overrule: although its check did not let it. Raises UserError if there is no such model, or it is not
        served yet, and NotPassed if it would have to be overruled.
        """
        async with self._db.write() as tx:
            chosen = await _get_or_raise(tx, model_id)
            if chosen.served_as is None:
                raise UserError(
                    "Model {model_id} is not deployed yet. Deploy it at its provider, then say its name "
                    "there with `{/models deployed}`.",
                    model_id=model_id,
                )
            if chosen.state == "live":
                return chosen
            if chosen.pruned_at is not None:
                raise UserError(
                    "The files of model {model_id} were deleted to free disk space, so it cannot answer any "
                    "more. Train one on its dataset again: `{/finetune dataset:{version}}`.",
                    model_id=model_id,
                    version=chosen.dataset_id,
                )
            if not lifecycle.must_be_overruled(chosen):
                await lifecycle.promote(tx, chosen, "override", actor_id=actor_id)
            elif overrule:
                await lifecycle.promote(tx, chosen, "overruled", actor_id=actor_id)
            else:
                raise NotPassed(chosen)
            return await _get_or_raise(tx, chosen.id)

    async def roll_back(self, *, actor_id: int | None = None) -> Model | None:
        """Make the live model's predecessor live again, in one transaction; return it.

        Return None if there is none: the live model is retired, and the base answers. Raises UserError if no
        model is live.
        """
        async with self._db.write() as tx:
            live = await models.get_live(tx)
            if live is None:
                raise UserError(
                    "No trained model is live, so there is nothing to take back. `{/models list}` shows "
                    "all, `{/models promote}` makes one of them live."
                )
            before = await lifecycle.predecessor(tx, live)
            if before is None:
                await lifecycle.retire(tx, live.id, "retired", actor_id=actor_id)
                return None
            await lifecycle.promote(tx, before, "rolled back", actor_id=actor_id)
            return await _get_or_raise(tx, before.id)

    async def retire(self, model_id: int, *, actor_id: int | None = None) -> Model:
        """Retire a candidate.

        Raises UserError if there is no such model, or it is the live one.
        """
        async with self._db.write() as tx:
            chosen = await _get_or_raise(tx, model_id)
            if chosen.state == "live":
                raise UserError(
                    "Model {model_id} is live, so it cannot be retired. Make another one live first: "
                    "`{/models promote}` or `{/models rollback}`.",
                    model_id=model_id,
                )
            if chosen.state != "retired":
                await lifecycle.retire(tx, model_id, "retired", actor_id=actor_id)
            return await _get_or_raise(tx, model_id)

    async def mark_missing(self, missing: Model) -> Model | None:
        """Record that the server no longer knows a model, and notify the admins.

        The live model's predecessor goes live again; a candidate is retired, and its trial stops. Return the
        model that serves now, None for the base.
        """
        now = time.time()
        async with self._db.write() as tx:
            live = await models.get_live(tx)
            if live is None or live.id != missing.id:
                await _retire_missing(tx, await _get_or_raise(tx, missing.id), now)
                return live
            await models.add_event(tx, missing.id, "lost", at=now)
            before = await lifecycle.predecessor(tx, missing)
            if before:
                await lifecycle.promote(tx, before, "fell back")
            else:
                await models.change(tx, missing.id, state="retired")
                await trials.stop_invalid(tx, at=now)
            if before:
                serves = LocalizedMessage("model {number} is live again", number=before.id)
            else:
                serves = LocalizedMessage("the base model answers")
            text = LocalizedMessage(
                "⚠️ Model {number}, which was live, is gone from its server: {serves}. `/models list` "
                "shows what there is.",
                number=missing.id,
                serves=serves,
            )
            await notifications.add(tx, f"lost:{missing.id}:{now}", text, at=now)
            return await _get_or_raise(tx, before.id) if before else None


async def _get_or_raise(tx: Transaction, model_id: int) -> Model:
    found = await models.get(tx, model_id)
    if found is None:
        raise UserError("There is no model {model_id}. `{/models list}` shows them all.", model_id=model_id)
    return found


async def _retire_missing(tx: Transaction, lost: Model, now: float) -> None:
    if lost.state in ("live", "retired"):
        return
    await lifecycle.retire(tx, lost.id, "lost")
    text = LocalizedMessage(
        "⚠️ Model {number}, a candidate, is gone from its server, so it is retired. `/models list` shows "
        "what there is.",
        number=lost.id,
    )
    await notifications.add(tx, f"lost:{lost.id}:{now}", text, at=now)


async def _hold_back(tx: Transaction, model: Model) -> Model:
    """Keep a model from going live by itself, and stop the trial that it was in."""
    now = time.time()
    await models.change(tx, model.id, state="held back", challenges_until=None)
    await models.add_event(tx, model.id, "held back", at=now)
    await trials.stop_invalid(tx, at=now)
    return await _get_or_raise(tx, model.id)


async def _promote_first(tx: Transaction, model: Model) -> Model:
    """Make a model live if none is, it is served, and its check lets it."""
    if model.state in ("unchecked", "held back") or model.served_as is None or await models.get_live(tx):
        return model
    await lifecycle.promote(tx, model, "first")
    return await _get_or_raise(tx, model.id)
