"""Trials: one candidate at a time challenges the live model, and the votes decide."""

import time
from dataclasses import dataclass

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.rating import sequential_test
from bot.rating.trial_status import TrialStatus
from bot.registry import lifecycle
from bot.store import duels, models, notifications, trials
from bot.store.database import Database, Transaction
from bot.store.models import Model
from bot.store.trials import Trial

_DAY = 86_400.0
_STATES = {"live": mark("live"), "candidate": mark("candidate"), "retired": mark("retired")}


@dataclass(frozen=True, slots=True)
class TrialRules:
    """When a trial ends without a decision, and what a decision does.

    After so many counted duels or days it is undecided; a model that lost its place may win it back for
    rematch_days; auto: a candidate that has won goes live without an operator's yes.
    """

    duels: int
    days: float
    rematch_days: float
    auto: bool


@dataclass(frozen=True, slots=True)
class Promoted:
    """A model that is live; now: it was not before."""

    model: Model
    changed: bool


class Trials:
    """Begins trials, weighs each vote, and carries out what was decided in the vote's own transaction."""

    def __init__(self, db: Database, rules: TrialRules) -> None:
        self._db = db
        self._rules = rules

    async def running(self) -> Trial | None:
        """The trial that is under way; where a candidate waits for one, it begins now."""
        async with self._db.read() as tx:
            found = await trials.running(tx)
            if found or await lifecycle.challenger(tx) is None:
                return found
        return await self.advance()

    async def advance(self) -> Trial | None:
        """See to what time alone brings: trials that took too long, rematches forgone, trials to begin."""
        now = time.time()
        async with self._db.write() as tx:
            for model in await models.every(tx):
                if model.challenges_until is not None and model.challenges_until <= now:
                    await self._end_rematch(tx, model, now)
            found = await trials.running(tx)
            if found and now - found.started_at > self._rules.days * _DAY:
                await self._end_undecided(tx, found, now)
            return await trials.running(tx) or await self._begin(tx, now)

    async def evaluate(self, tx: Transaction, trial: Trial) -> None:
        """Look at a running trial after a vote that counts, and decide it where the evidence suffices."""
        tally, now = await duels.tally(tx, trial.id), time.time()
        if sequential_test.decides(tally.wins, tally.losses):
            if tally.wins > tally.losses:
                await self._end_won(tx, trial, now)
            else:
                await self._end_lost(tx, trial, now)
        elif tally.wins + tally.losses >= self._rules.duels:
            await self._end_undecided(tx, trial, now)

    async def promote(self, trial_id: int, *, actor_id: int | None = None) -> Promoted:
        """Let the candidate that has won a trial go live, as was proposed.

        Raises UserError where it has not won, or one of the two models has changed its state since.
        """
        async with self._db.write() as tx:
            trial = await trials.get(tx, trial_id)
            if trial is None or trial.state != "won":
                raise UserError(
                    "That trial was not won, so nothing is promoted. /models list shows them all."
                )
            pair = await _standing(tx, trial)
            if pair.candidate.state == "live":
                return Promoted(pair.candidate, changed=False)
            if lifecycle.is_rematch(pair.candidate):
                raise UserError(
                    "Model {number} went live by that trial, and has lost its place to other votes since. "
                    "/models list shows them all.",
                    number=pair.candidate.id,
                )
            if pair.live.state != "live" or pair.candidate.state != "candidate":
                raise UserError(
                    "Meanwhile model {live} is {state} and model {candidate} {standing}: the votes say "
                    "nothing about that. /models list shows them all.",
                    live=pair.live.id,
                    state=LocalizedMessage(_STATES[pair.live.state]),
                    candidate=pair.candidate.id,
                    standing=LocalizedMessage(_STATES[pair.candidate.state]),
                )
            await self._promote(tx, pair, actor_id)
            return Promoted((await _standing(tx, trial)).candidate, changed=True)

    async def status(self) -> TrialStatus | None:
        """How the running trial stands."""
        async with self._db.read() as tx:
            found = await trials.running(tx)
            return await _standing(tx, found) if found else None

    async def of_model(self, model_id: int) -> list[TrialStatus]:
        """All trials that a model took part in, the newest first."""
        async with self._db.read() as tx:
            return [await _standing(tx, each) for each in reversed(await trials.of_model(tx, model_id))]

    async def between(self, one: int, other: int) -> list[TrialStatus]:
        """All trials of two models against each other, the newest first."""
        return [each for each in await self.of_model(one) if other in (each.live.id, each.candidate.id)]

    async def _begin(self, tx: Transaction, now: float) -> Trial | None:
        live, candidate = await models.live(tx), await lifecycle.challenger(tx)
        if live is None or candidate is None:
            return None
        return await trials.begin(tx, live_id=live.id, candidate_id=candidate.id, at=now)

    async def _end_won(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "won", at=now)
        standing = await _standing(tx, trial)
        if self._rules.auto:
            await self._promote(tx, standing, None)
            text = _told(
                standing,
                mark(
                    "🏆 The candidate, {candidate}, has won against the live {live}: {figures}. "
                    "It is live now; /models rollback brings back the one before."
                ),
            )
            await notifications.add(tx, f"trial:{trial.id}", text, at=now)
            return
        await models.change(tx, trial.candidate_id, challenges_until=None)  # it waits as long as you do
        text = _told(
            standing,
            mark(
                "🏆 The candidate, {candidate}, has won against the live {live}: {figures}. Shall it go "
                "live? No other candidate is tried until you decide: the button, or /models retire "
                "model:{number}."
            ),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now, action=f"promote:{trial.id}")

    async def _end_lost(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "lost", at=now)
        await lifecycle.retire(tx, trial.candidate_id, "outvoted")
        standing = await _standing(tx, trial)
        text = _told(
            standing, mark("🛡️ The live {live} keeps its place: {candidate} is retired. Votes: {figures}.")
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _end_rematch(self, tx: Transaction, model: Model, now: float) -> None:
        """Its days are over: a trial that it is in goes no further, and the live model keeps the place."""
        trial = await trials.running(tx)
        await lifecycle.retire(tx, model.id, "retired")
        if trial is None or trial.candidate_id != model.id:
            return
        standing = await _standing(tx, trial)
        text = _told(
            standing,
            mark(
                "⌛ The days in which {candidate} might win its place back from the live {live} are over, "
                "and it is retired. Their trial ends undecided: {figures}."
            ),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _end_undecided(self, tx: Transaction, trial: Trial, now: float) -> None:
        await trials.end(tx, trial.id, "undecided", at=now)
        standing = await _standing(tx, trial)
        text = _told(
            standing,
            mark(
                "⚖️ The trial of {candidate} against the live {live} ends undecided: {figures}. It stays a "
                "candidate without duels. Look with `/models compare a:{number}`, then `/models promote "
                "model:{number}` or `/models retire model:{number}`."
            ),
        )
        await notifications.add(tx, f"trial:{trial.id}", text, at=now)

    async def _promote(self, tx: Transaction, pair: TrialStatus, actor_id: int | None) -> None:
        until = time.time() + self._rules.rematch_days * _DAY
        await lifecycle.promote(tx, pair.candidate, "promoted", actor_id=actor_id, challenges_until=until)


async def _standing(tx: Transaction, trial: Trial) -> TrialStatus:
    live, candidate = await models.get(tx, trial.live_id), await models.get(tx, trial.candidate_id)
    now = await trials.get(tx, trial.id)
    if live is None or candidate is None or now is None:
        raise LookupError(f"trial {trial.id} names what is not there")
    return TrialStatus(now, live, candidate, await duels.tally(tx, trial.id))


def _told(standing: TrialStatus, how: str) -> LocalizedMessage:
    """How a trial ended, for the admins; number is the candidate's."""
    return LocalizedMessage(
        how,
        live=_named(standing.live),
        candidate=_named(standing.candidate),
        number=standing.candidate.id,
        figures=standing.figures,
    )


def _named(model: Model) -> LocalizedMessage:
    return LocalizedMessage("model {number} (`{name}`)", number=model.id, name=model.name)
