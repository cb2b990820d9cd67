"""Duels: two models describe one hero, and people say blind which text is better."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import Literal

from bot.describer import Describer
from bot.errors import HerosmithError, UnknownModel, UserError
from bot.hero import Hero
from bot.llm.line import Line
from bot.llm.stream import Stream
from bot.rating.trials import Trials
from bot.rating.voters import Voters
from bot.rating.votes import account_days
from bot.store import descriptions, duels, models, trials
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.duels import Duel, DuelVote, Result
from bot.store.models import Model
from bot.store.trials import Trial
from bot.writer import Written

log = logging.getLogger(__name__)

Choice = Literal["a", "b", "tie"]
Source = Literal["button", "simulated"]

_CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Pairing:
    """A duel as it is shown: which text stands first tells nothing of who wrote it."""

    id: int
    a: Description
    b: Description


@dataclass(frozen=True, slots=True)
class Pick:
    """One person's vote in a duel, and who wrote which text. again: it was given before, and is final."""

    choice: Choice
    counts: bool
    again: bool
    a: str
    b: str
    live: Literal["a", "b"]


class Duels:
    """Pairs the live model with the candidate, and keeps what people pick."""

    def __init__(
        self,
        db: Database,
        trials: Trials,
        describer: Describer,
        voters: Voters,
        line: Line,
        *,
        share: float,
        account_days: int,
    ) -> None:
        self._db = db
        self._trials = trials
        self._describer = describer
        self._voters = voters
        self._line = line
        self._share = share
        self._account_days = account_days

    async def wanted(self) -> bool:
        """Whether this /hero is to be a duel: a share of them is while a candidate is on trial."""
        return _CHANCE.random() < self._share and await self._trials.running() is not None

    async def hold(
        self, hero: Hero, *, requester: int | str, guild_id: int | None = None
    ) -> Pairing | Description:
        """Let both models describe a hero, and keep the texts.

        Where one of them fails, the other's description alone is returned. Raises UserError where no
        candidate is on trial, Unavailable where neither answers, Busy where too many wait.
        """
        trial = await self._trials.running()
        if trial is None:
            raise UserError(
                "There is no new model to try against the live one now. /hero describes a hero at any time."
            )
        async with self._db.read() as tx:
            pair = [await models.get(tx, trial.live_id), await models.get(tx, trial.candidate_id)]
        live, candidate = await asyncio.gather(*(self._write(hero, model) for model in pair if model))
        async with self._db.write() as tx:
            kept = [
                await self._describer.keep(tx, hero, each, requester=requester, guild_id=guild_id)
                for each in (live, candidate)
                if isinstance(each, Written)
            ]
            if len(kept) == 2:
                return await _pairing(tx, trial, *kept)
        if not kept:
            raise live if isinstance(live, Exception) else LookupError("a failure without a reason")
        return kept[0]

    async def shown_as(self, duel_id: int, message_id: int) -> None:
        """Note which message shows a duel."""
        async with self._db.write() as tx:
            await duels.shown_as(tx, duel_id, message_id)

    async def voted(
        self, duel_id: int, user: int | str, choice: Choice, *, source: Source = "button"
    ) -> Pick:
        """Keep a person's vote, and decide the trial where it suffices, in one transaction.

        user is a Discord id, or a simulated voter's name. Raises UserError where there is no such duel.
        """
        voter, now = self._voters.of(user), time.time()
        days = account_days(user, now) if isinstance(user, int) else None
        async with self._db.write() as tx:
            duel = await duels.get(tx, duel_id)
            if duel is None:
                raise UserError("This duel is not known any more. /duel begins another one.")
            trial = await trials.locked(tx, duel.trial_id)
            known = await duels.vote_of(tx, duel_id, voter)
            vote = known or DuelVote(
                duel_id,
                voter,
                trial.id,
                result := _result(duel, choice),
                counts=result != "tie"
                and trial.state == "running"
                and not self._too_young(days)
                and not await duels.is_spent(tx, duel, voter),
                source=source,
                account_days=days,
                at=now,
            )
            if known is None:
                await duels.add_vote(tx, vote)
            if known is None and vote.counts:
                await self._trials.weigh(tx, trial)
            return await _revealed(tx, duel, vote, again=known is not None)

    async def _write(self, hero: Hero, model: Model) -> Written | HerosmithError:
        try:
            async with self._line.place(Stream()):  # as /hero does: others may be before it
                return await self._describer.written_by(hero, model)
        except HerosmithError as error:
            if isinstance(error, UnknownModel):
                await self._describer.after(model)
            log.warning("model %d wrote nothing for a duel: %s", model.id, error, exc_info=error.__cause__)
            return error

    def _too_young(self, days: int | None) -> bool:
        return days is not None and days < self._account_days


async def _pairing(tx: Transaction, trial: Trial, live: Description, candidate: Description) -> Pairing:
    a = _CHANCE.choice(("live", "candidate"))
    duel = await duels.add(
        tx,
        trial_id=trial.id,
        live_description_id=live.id,
        candidate_description_id=candidate.id,
        a="live" if a == "live" else "candidate",
        at=time.time(),
    )
    return Pairing(duel.id, live, candidate) if duel.a == "live" else Pairing(duel.id, candidate, live)


def _result(duel: Duel, choice: Choice) -> Result:
    return "tie" if choice == "tie" else duel.a if choice == "a" else duel.b


async def _revealed(tx: Transaction, duel: Duel, vote: DuelVote, *, again: bool) -> Pick:
    ids = [duel.live_description_id, duel.candidate_description_id]
    live, candidate = sorted(await descriptions.get_many(tx, ids), key=lambda each: ids.index(each.id))
    a, b = (live, candidate) if duel.a == "live" else (candidate, live)
    choice: Choice = "tie" if vote.result == "tie" else "a" if vote.result == duel.a else "b"
    return Pick(choice, vote.counts, again, a.model, b.model, live="a" if duel.a == "live" else "b")
