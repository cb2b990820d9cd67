"""Trials: one candidate at a time challenges the live model, and the votes decide."""

import time
from dataclasses import dataclass

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.rating.sequential_test import NEW_TRIALS, TESTS
from bot.rating.trial_status import TrialStatus
from bot.registry import lifecycle
from bot.registry.names import name_in_sentence
from bot.registry.registry import Registry
from bot.store import duels, models, notifications, trials
from bot.store.database import Database, Transaction
from bot.store.models import Model
from bot.store.notifications import NotificationAction
from bot.store.trials import Trial

_DAY = 86_400.0
_STATES = {
    "unchecked": mark("unchecked"),
    "held back": mark("held back"),
    "live": mark("live"),
    "candidate": mark("candidate"),
    "retired": mark("retired"),
}


@dataclass(frozen=True, slots=True)
class TrialRules:
    """When a trial ends without a decision, and what a decision does.

    A trial is undecided after `duels` counted results or `days` days. A model that lost its place may win it
    back for rematch_days. auto: a candidate that has won goes live without an operator's confirmation.
    """

    duels: int
    days: float
    rematch_days: float
    auto: bool


@dataclass(frozen=True, slots=True)
class Promoted:
    """The live model. changed: it was not live before the call."""

    model: Model
    changed: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment in a trial: the votes that counted by then, from the candidate's side, and their evidence."""

    at: float
    wins: int
    losses: int
    evidence: float


class Trials:
    """Starts trials, evaluates them after each vote, and applies a decision in the vote's own transaction."""

    def __init__(self, db: Database, registry: Registry, rules: TrialRules) -> None:
        self._db = db
        self._registry = registry
        self._rules = rules

    async def running(self) -> Trial | None:
        """Return the running trial; if there is none and a candidate waits, start the next one."""
        async with self._db.read() as tx:
            trial = await trials.get_running(tx)
            if trial or await lifecycle.challenger(tx) is None:
                return trial
        return await self.advance()

    async def advance(self) -> Trial | None:
        """Expire overdue trials and rematch windows, and start the next trial. Returns the running trial."""
        now = time.time()
        async with self._db.write() as tx:
            for model in await models.list_all(tx):
                if model.challenges_until is not None and model.challenges_until <= now:
                    await self._end_rematch(tx, model, now)
            trial = await trials.get_running(tx)
            if trial and now - trial.started_at > self._rules.days * _DAY:
                await self._end_undecided(tx, trial, now)
            return await trials.get_running(tx) or await self._start(tx, now)

    async def evaluate(self, tx: Transaction, trial: Trial) -> None:
        """End a running trial after a counted vote if the evidence decides it, or its duels are used up."""
        tally, now = await duels.get_tally(tx, trial.id), time.time()
        if TESTS[trial.test].decides(tally.wins, tally.losses):
            if tally.wins > tally.losses:
                await self._end_won(tx, trial, now)
            else:
                await self._end_lost(tx, trial, now)
        elif tally.wins + tally.losses >= self._rules.duels:
            await self._end_undecided(tx, trial, now)

    async def promote(self, trial_id: int, *, actor_id: int | None = None) -> Promoted:
        """Promote the candidate that has won a trial, after an operator's confirmation.

        Raises UserError if it has not won, or if one of the two models has changed its state since.
        """
        async with self._db.write() as tx:
            trial = await trials.get(tx, trial_id)
            if trial is None or trial.state != "won":
                raise UserError(
                    "The new model did not win that trial, so it does not go live. `/models list` shows all"
                    " models."
                )
            status = await self.load_status(tx, trial)
            if status.candidate.state == "live":
                return Promoted(status.candidate, changed=False)
            _check_promotable(status.live, status.candidate)
            await self._promote(tx, status, actor_id)
            return Promoted((await self.load_status(tx, trial)).candidate, changed=True)

    async def make_live(self, model_id: int, *, actor_id: int | None = None, overrule: bool = False) -> Model:
        """Make a model live at an operator's wish: by its votes if it waits as their winner, else by hand.

        Raises UserError and NotPassed, as `Registry.promote` does.
        """
        async with self._db.read() as tx:
            won = await lifecycle.winning_trial(tx)
        if won is not None and won.candidate_id == model_id:
            return (await self.promote(won.id, actor_id=actor_id)).model
        return await self._registry.promote(model_id, actor_id=actor_id, overrule=overrule)

    async def status(self) -> TrialStatus | None:
        """Return the status of the running trial; None if there is none."""
        async with self._db.read() as tx:
            trial = await trials.get_running(tx)
            return await self.load_status(tx, trial) if trial else None

    async def load_status(self, tx: Transaction, trial: Trial) -> TrialStatus:
        """Return the status of a trial within a transaction, whatever has become of it since it was read."""
        live, candidate = await models.get(tx, trial.live_id), await models.get(tx, trial.candidate_id)
        current = await trials.get(tx, trial.id)
        if live is None or candidate is None or current is None:
            raise LookupError(f"trial {trial.id} refers to missing rows")
        tally = await duels.get_tally(tx, trial.id)
        return TrialStatus(current, live, candidate, tally, limit=self._rules.duels)

    async def of_model(self, model_id: int) -> list[TrialStatus]:
        """Return all trials that a model took part in, newest first."""
        async with self._db.read() as tx:
            found = await trials.list_by_model(tx, model_id)
            return [await self.load_status(tx, trial) for trial in reversed(found)]

    async def newest(self, limit: int) -> list[TrialStatus]:
        """Return the newest trials, newest first."""
        async with self._db.read() as tx:
            return [await self.load_status(tx, trial) for trial in await trials.list_newest(tx, limit)]

    async def course(self, trial_id: int) -> list[Evidence]:
        """Return how a trial went: one entry for each vote that counts, in order."""
        async with self._db.read() as tx:
            trial = await trials.get(tx, trial_id)
            votes = await duels.list_counted(tx, trial_id)
        if trial is None:
            return []
        test = TESTS[trial.test]
        course, wins, losses = [], 0, 0
        for at, for_candidate in votes:
            wins, losses = wins + for_candidate, losses + (not for_candidate)
            course.append(Evidence(at, wins, losses, test.evidence(wins, losses)))
        return course

    async def between(self, one: int, other: int) -> list[TrialStatus]:
        """Return all trials of two models against each other, newest first."""
        statuses = await self.of_model(one)
        return [status for status in statuses if other in (status.live.id, status.candidate.id)]

    async def _start(self, tx: Transaction, now: float) -> Trial | None:
        live, candidate = await models.get_live(tx), await lifecycle.challenger(tx)
        if live is None or candidate is None:
            return None
        return await trials.add(tx, live_id=live.id, candidate_id=candidate.id, test=NEW_TRIALS, at=now)

    async def _end_won(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "won", at=now)
        status = await self.load_status(tx, trial)
        if self._rules.auto:
            await self._promote(tx, status, None)
            text = _outcome_text(
                status,
                mark(
                    "🏆 The new model won: {figures}. From now on {candidate} is live, in place of {live};"
                    " `/models rollback` undoes it."
                ),
            )
            await notifications.add(tx, f"trial:{trial.id}", text, at=now)
            return
        await models.change(tx, trial.candidate_id, challenges_until=None)  # it waits for the operator
        text = _outcome_text(
            status,
            mark(
                "🏆 The new model won: {figures}. Shall {candidate} go live in place of {live}? Press the "
                "button, or refuse with `/models retire model:{number}`. Until you decide, no other "
                "candidate is tried."
            ),
        )
        await notifications.add(
            tx, f"trial:{trial.id}", text, at=now, action=NotificationAction("promote", trial.id)
        )

    async def _end_lost(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "lost", at=now)
        await lifecycle.retire(tx, trial.candidate_id, "outvoted")
        status = await self.load_status(tx, trial)
        text = _outcome_text(
            status,
            mark("🛡️ The new model lost, so {live} stays live and {candidate} is retired. Votes: {figures}."),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _end_rematch(self, tx: Transaction, model: Model, now: float) -> None:
        """Retire a model whose rematch window is over, and tell the admins if that ends its trial."""
        trial = await trials.get_running(tx)
        await lifecycle.retire(tx, model.id, "retired")
        if trial is None or trial.candidate_id != model.id:
            return
        status = await self.load_status(tx, trial)
        text = _outcome_text(
            status,
            mark(
                "⌛ The days in which {candidate} could win its place back from {live} are over, so it is "
                "retired. Votes did not decide: {figures}."
            ),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _end_undecided(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "undecided", at=now)
        status = await self.load_status(tx, trial)
        text = _outcome_text(
            status,
            mark(
                "⚖️ Votes could not decide between {candidate} and {live}, which stays live: {figures}. "
                "There are no more duels of the two, and you decide: read texts of both with `/models "
                "compare a:{number}`, then `/models promote model:{number}` or `/models retire "
                "model:{number}`."
            ),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _promote(self, tx: Transaction, status: TrialStatus, actor_id: int | None) -> None:
        until = time.time() + self._rules.rematch_days * _DAY
        await lifecycle.promote(tx, status.candidate, "promoted", actor_id=actor_id, challenges_until=until)


def _check_promotable(live: Model, candidate: Model) -> None:
    """Raise UserError if the votes of their trial no longer say which of the two models should be live."""
    if lifecycle.is_rematch(candidate):
        raise UserError(
            "Model {number} went live by that trial, and has lost its place to other votes since. "
            "`/models list` shows them all.",
            number=candidate.id,
        )
    if live.state != "live" or candidate.state != "candidate":
        raise UserError(
            "Since then, model {live} is {state} and model {candidate} {standing}, so those votes no "
            "longer decide. `/models list` shows all models.",
            live=live.id,
            state=LocalizedMessage(_STATES[live.state]),
            candidate=candidate.id,
            standing=LocalizedMessage(_STATES[candidate.state]),
        )


def _outcome_text(status: TrialStatus, template: str) -> LocalizedMessage:
    """Return the admins' notification of a trial's end; {number} in the template is the candidate's."""
    return LocalizedMessage(
        template,
        live=name_in_sentence(status.live),
        candidate=name_in_sentence(status.candidate),
        number=status.candidate.id,
        figures=status.figures,
    )
